//! What the name of a column says about its values.

use super::kind::Kind;

/// A meaning that a name suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hint {
    None,
    Email,
    Login,
    FirstName,
    LastName,
    FullName,
    Phone,
    Url,
    Host,
    Country,
    City,
    Street,
    Postcode,
    Region,
    Company,
    Title,
    Slug,
    Long,
    Status,
    Kind,
    Role,
    Colour,
    Currency,
    Locale,
    Zone,
    Address,
    Agent,
    Secret,
    Path,
    Mime,
    Version,
    Identifier,
    Document,
    Code,
    Amount,
    Count,
    Age,
    Year,
    Month,
    Day,
    Percent,
    Ratio,
    Bytes,
    Port,
    Latitude,
    Longitude,
    /// The begin of something, or when it was made: in the past.
    Begin,
    /// After the begin of the same row.
    End,
    /// An end that most rows do not have.
    SeldomEnd,
    Birth,
}

impl Hint {
    /// Whether a few values are all there are.
    pub(super) fn is_small(self) -> bool {
        matches!(
            self,
            Self::Status | Self::Kind | Self::Role | Self::Colour | Self::Currency | Self::Locale
        )
    }

    /// Of how many rows in a thousand a value is missing where it may be.
    pub(super) fn missing(self) -> u64 {
        match self {
            Self::SeldomEnd => 850,
            _ => 100,
        }
    }
}

/// The words of a name: `createdAt`, `created_at` and `CREATED AT` are the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if starts && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What `name` says about a column of the kind.
pub(super) fn hint(name: &str, kind: &Kind) -> Hint {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let ends = |list: &[&str]| words.last().is_some_and(|w| list.contains(&w.as_str()));
    let joined = words.join("_");
    match kind {
        Kind::Text { .. } => text(&joined, &has, &ends),
        Kind::Date | Kind::Stamp { .. } => time(&has),
        Kind::Range(_) => Hint::Begin,
        Kind::Int(_) | Kind::Numeric(_) | Kind::Float(_) | Kind::Money => {
            let number = number(&has, &ends);
            if number == Hint::None && *kind == Kind::Int(8) && epoch(&joined, &ends) {
                return time(&has);
            }
            number
        }
        _ => Hint::None,
    }
}

/// Whether a whole number is probably a time, in milliseconds since 1970.
fn epoch(joined: &str, ends: &dyn Fn(&[&str]) -> bool) -> bool {
    ends(&["at", "time", "timestamp", "millis", "ms"])
        || ["createat", "updateat", "deleteat", "expireat", "expiresat"].contains(&joined)
}

fn time(has: &dyn Fn(&[&str]) -> bool) -> Hint {
    if has(&["birth", "birthday", "birthdate", "dob", "born"]) {
        Hint::Birth
    } else if has(&[
        "deleted",
        "deleteat",
        "archived",
        "discarded",
        "removed",
        "locked",
        "revoked",
        "banned",
        "blocked",
        "cancelled",
        "canceled",
        "suspended",
        "deactivated",
        "disabled",
        "failed",
        "rejected",
        "hidden",
    ]) {
        Hint::SeldomEnd
    } else if has(&[
        "updated",
        "updateat",
        "modified",
        "changed",
        "end",
        "ended",
        "ends",
        "finish",
        "finished",
        "closed",
        "to",
        "until",
        "till",
        "expires",
        "expiry",
        "expired",
        "expiration",
        "expireat",
        "expiresat",
        "resolved",
        "completed",
        "stop",
        "stopped",
        "due",
        "last",
        "touched",
        "edited",
        "merged",
        "processed",
        "delivered",
        "sent",
        "confirmed",
        "verified",
        "read",
        "seen",
        "return",
        "returned",
    ]) {
        Hint::End
    } else {
        Hint::Begin
    }
}

fn number(has: &dyn Fn(&[&str]) -> bool, ends: &dyn Fn(&[&str]) -> bool) -> Hint {
    if has(&["lat", "latitude"]) {
        Hint::Latitude
    } else if has(&["lon", "lng", "long", "longitude"]) {
        Hint::Longitude
    } else if has(&["percent", "percentage", "pct"]) {
        Hint::Percent
    } else if has(&[
        "ratio",
        "rate",
        "score",
        "probability",
        "share",
        "weight",
        "factor",
    ]) {
        Hint::Ratio
    } else if has(&[
        "price", "amount", "cost", "total", "balance", "fee", "tax", "salary", "cents", "subtotal",
        "discount", "budget", "paid", "revenue",
    ]) {
        Hint::Amount
    } else if has(&["age"]) {
        Hint::Age
    } else if has(&["year"]) {
        Hint::Year
    } else if has(&["month"]) {
        Hint::Month
    } else if ends(&["day", "weekday"]) {
        Hint::Day
    } else if ends(&[
        "status",
        "state",
        "kind",
        "type",
        "role",
        "tier",
        "severity",
        "visibility",
    ]) {
        Hint::Status
    } else if has(&["port"]) {
        Hint::Port
    } else if has(&["bytes", "size", "filesize", "length"]) {
        Hint::Bytes
    } else if has(&[
        "count", "quantity", "qty", "number", "num", "position", "rank", "attempts", "retries",
        "order", "level", "priority", "duration", "seconds", "minutes", "hours", "days", "width",
        "height", "stock", "points", "index", "idx", "sequence", "seq", "revision",
    ]) {
        Hint::Count
    } else {
        Hint::None
    }
}

fn text(joined: &str, has: &dyn Fn(&[&str]) -> bool, ends: &dyn Fn(&[&str]) -> bool) -> Hint {
    let list: &[(Hint, &[&str])] = &[
        (Hint::Email, &["email", "mail"]),
        (
            Hint::Secret,
            &[
                "token",
                "hash",
                "secret",
                "digest",
                "checksum",
                "sha",
                "sha1",
                "sha256",
                "md5",
                "password",
                "passwd",
                "salt",
                "fingerprint",
                "signature",
                "etag",
                "nonce",
            ],
        ),
        (
            Hint::Login,
            &["login", "username", "nickname", "nick", "handle", "userid"],
        ),
        (Hint::Phone, &["phone", "mobile", "fax", "telephone", "tel"]),
        (
            Hint::Url,
            &[
                "url", "uri", "link", "href", "website", "homepage", "webhook",
            ],
        ),
        (Hint::Host, &["host", "hostname", "domain", "server"]),
        (Hint::Agent, &["agent", "useragent"]),
        (Hint::Country, &["country"]),
        (Hint::City, &["city", "town"]),
        (Hint::Street, &["street", "address1", "address2"]),
        (Hint::Postcode, &["zip", "zipcode", "postcode"]),
        (Hint::Region, &["province", "district", "county"]),
        (
            Hint::Company,
            &[
                "company",
                "organization",
                "organisation",
                "employer",
                "vendor",
            ],
        ),
        (Hint::Slug, &["slug", "permalink"]),
        (
            Hint::Long,
            &[
                "description",
                "body",
                "content",
                "comment",
                "comments",
                "notes",
                "note",
                "text",
                "message",
                "summary",
                "bio",
                "about",
                "details",
                "explanation",
                "abstract",
                "html",
                "markdown",
                "review",
                "reason",
            ],
        ),
        (
            Hint::Title,
            &["title", "subject", "headline", "caption", "label"],
        ),
        (Hint::Status, &["status", "state", "phase"]),
        (
            Hint::Kind,
            &[
                "kind", "type", "category", "level", "tier", "plan", "severity",
            ],
        ),
        (Hint::Role, &["role"]),
        (Hint::Colour, &["color", "colour"]),
        (Hint::Currency, &["currency"]),
        (Hint::Locale, &["locale", "language", "lang"]),
        (Hint::Zone, &["timezone", "tz"]),
        (Hint::Mime, &["mime", "mimetype"]),
        (Hint::Version, &["version", "semver"]),
        (
            Hint::Path,
            &["path", "file", "filename", "folder", "directory"],
        ),
        (Hint::Identifier, &["uuid", "guid", "uid"]),
        (
            Hint::Document,
            &[
                "json",
                "settings",
                "options",
                "config",
                "payload",
                "metadata",
                "props",
                "attributes",
            ],
        ),
        (
            Hint::Code,
            &[
                "code",
                "sku",
                "isbn",
                "reference",
                "ref",
                "number",
                "serial",
                "id",
                "key",
            ],
        ),
    ];
    if joined.contains("email") {
        return Hint::Email;
    }
    if has(&["ip", "ipaddress"]) || joined.ends_with("ip_address") {
        return Hint::Address;
    }
    if has(&["content", "mime"]) && ends(&["type"]) {
        return Hint::Mime;
    }
    if joined.contains("time_zone") {
        return Hint::Zone;
    }
    if joined.contains("user_name") {
        return Hint::Login;
    }
    if joined.contains("first_name") || joined.contains("firstname") || joined == "given_name" {
        return Hint::FirstName;
    }
    if ["last_name", "lastname", "surname", "family_name"]
        .iter()
        .any(|name| joined.contains(name))
    {
        return Hint::LastName;
    }
    if joined.contains("full_name") || joined.contains("display_name") || has(&["author"]) {
        return Hint::FullName;
    }
    if joined.contains("postal") {
        return Hint::Postcode;
    }
    if has(&["address"]) {
        return Hint::Street;
    }
    // The last word says what a name is about: `country_code` is a code of a country, though, and
    // `status_message` a message.
    let by = |test: &dyn Fn(&[&str]) -> bool| {
        list.iter()
            .find(|(_, words)| test(words))
            .map(|(hint, _)| *hint)
    };
    if has(&["country"]) {
        return Hint::Country;
    }
    if has(&["currency"]) {
        return Hint::Currency;
    }
    by(ends).or_else(|| by(has)).unwrap_or(Hint::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_hold() {
        let text = Kind::Text {
            limit: None,
            padded: false,
        };
        for (name, expected) in [
            ("email", Hint::Email),
            ("billingEmail", Hint::Email),
            ("first_name", Hint::FirstName),
            ("user_agent", Hint::Agent),
            ("status_message", Hint::Long),
            ("order_status", Hint::Status),
            ("country_code", Hint::Country),
            ("password_hash", Hint::Secret),
            ("last_sign_in_ip", Hint::Address),
            ("content_type", Hint::Mime),
            ("whatever", Hint::None),
        ] {
            assert_eq!(hint(name, &text), expected, "{name}");
        }
        let stamp = Kind::Stamp { zone: true };
        for (name, expected) in [
            ("created_at", Hint::Begin),
            ("updatedAt", Hint::End),
            ("deleted_at", Hint::SeldomEnd),
            ("valid_to", Hint::End),
        ] {
            assert_eq!(hint(name, &stamp), expected, "{name}");
        }
        assert_eq!(hint("unit_price", &Kind::Int(4)), Hint::Amount);
        assert_eq!(hint("createat", &Kind::Int(8)), Hint::Begin);
    }
}
