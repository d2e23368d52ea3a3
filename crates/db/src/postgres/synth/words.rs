//! The words that made-up texts are put together from. Hosts and addresses are those reserved for
//! documentation, so nothing here reaches anybody.

pub(super) const FIRST: &[&str] = &[
    "Anna", "Ben", "Chloé", "Dmitri", "Emma", "Fatima", "Grace", "Hiroshi", "Ines", "José",
    "Karin", "Liam", "Mei", "Noah", "Olga", "Priya", "Quentin", "Rosa", "Søren", "Tariq", "Uma",
    "Víctor", "Wanda", "Xavier", "Yuki", "Zoë", "Łucja", "Björn", "Aoife", "Ngozi",
];

pub(super) const LAST: &[&str] = &[
    "Abara",
    "O'Brien",
    "Costa",
    "D'Angelo",
    "Eriksson",
    "Fischer",
    "García",
    "Haddad",
    "Ito",
    "Jensen",
    "Kowalski",
    "Lefèvre",
    "Müller",
    "Nguyen",
    "Okafor",
    "Patel",
    "Quispe",
    "Rossi",
    "Smith-Jones",
    "Tanaka",
    "Ünal",
    "van der Berg",
    "Weiß",
    "Xu",
    "Yılmaz",
    "Zhang",
    "Nováková",
    "Smith",
    "McKay",
    "Sørensen",
];

pub(super) const PLAIN_FIRST: &[&str] = &[
    "anna", "ben", "chloe", "dmitri", "emma", "fatima", "grace", "hiroshi", "ines", "jose",
    "karin", "liam", "mei", "noah", "olga", "priya", "quentin", "rosa", "soren", "tariq", "uma",
];

pub(super) const PLAIN_LAST: &[&str] = &[
    "abara", "obrien", "costa", "dangelo", "eriksson", "fischer", "garcia", "haddad", "ito",
    "jensen", "kowalski", "lefevre", "mueller", "nguyen", "okafor", "patel", "rossi", "smith",
];

pub(super) const ADJECTIVES: &[&str] = &[
    "amber", "brisk", "calm", "dusty", "eager", "faint", "gentle", "hollow", "iron", "jolly",
    "keen", "lunar", "mossy", "narrow", "open", "plain", "quiet", "rapid", "silver", "tidy",
    "upper", "vivid", "warm", "young",
];

pub(super) const NOUNS: &[&str] = &[
    "anchor", "bridge", "cedar", "delta", "engine", "field", "garden", "harbour", "island",
    "junction", "kettle", "lantern", "meadow", "notebook", "orchard", "parcel", "quarry", "river",
    "signal", "tower", "union", "valley", "window", "yard",
];

/// Words of running text; some are there to trip what does not quote or count well.
pub(super) const TEXT: &[&str] = &[
    "the",
    "order",
    "was",
    "late",
    "and",
    "a",
    "customer's",
    "reply",
    "came",
    "after",
    "two",
    "days",
    "we",
    "don't",
    "know",
    "why",
    "it",
    "costs",
    "50 %",
    "more",
    "than",
    "planned",
    "please",
    "call",
    "back",
    "before",
    "noon",
    "naïve",
    "façade",
    "“quoted”",
    "für",
    "日本語",
    "it's",
    "done",
    "again",
    "C:\\temp",
    "tab\there",
    "<b>bold</b>",
    "a;b",
    "100€",
    "smörgås",
    "🙂",
    "so",
    "the",
    "report",
    "is",
    "ready",
];

/// The same without anything beyond ASCII.
pub(super) const ASCII_TEXT: &[&str] = &[
    "the",
    "order",
    "was",
    "late",
    "and",
    "a",
    "customer's",
    "reply",
    "came",
    "after",
    "two",
    "days",
    "we",
    "don't",
    "know",
    "why",
    "it",
    "costs",
    "50 %",
    "more",
    "than",
    "planned",
    "please",
    "call",
    "back",
    "before",
    "noon",
    "so",
    "report",
    "is",
    "ready",
];

pub(super) const CITIES: &[&str] = &[
    "Aarhus",
    "Bogotá",
    "Cairo",
    "Dublin",
    "Essen",
    "Fez",
    "Gdańsk",
    "Hanoi",
    "Izmir",
    "Jaipur",
    "Köln",
    "Lagos",
    "Malmö",
    "Nairobi",
    "Osaka",
    "Porto",
    "Quito",
    "Riga",
    "São Paulo",
    "Turin",
    "L'Aquila",
];

pub(super) const STREETS: &[&str] = &[
    "Mill Lane",
    "Station Road",
    "King's Road",
    "Rue de la Paix",
    "Hauptstraße",
    "Via Roma",
    "Calle Mayor",
    "Ring Road",
    "Church Street",
    "Market Square",
];

pub(super) const REGIONS: &[&str] = &[
    "Bavaria",
    "Catalonia",
    "Kerala",
    "Oregon",
    "Ontario",
    "Punjab",
    "Tuscany",
    "Ulster",
    "Vaud",
];

pub(super) const COUNTRIES: &[(&str, &str, &str)] = &[
    ("US", "USA", "United States"),
    ("DE", "DEU", "Germany"),
    ("GB", "GBR", "United Kingdom"),
    ("FR", "FRA", "France"),
    ("IN", "IND", "India"),
    ("JP", "JPN", "Japan"),
    ("BR", "BRA", "Brazil"),
    ("CI", "CIV", "Côte d'Ivoire"),
    ("PL", "POL", "Poland"),
    ("NG", "NGA", "Nigeria"),
    ("SE", "SWE", "Sweden"),
    ("MX", "MEX", "Mexico"),
    ("CN", "CHN", "China"),
    ("TR", "TUR", "Türkiye"),
    ("AU", "AUS", "Australia"),
];

pub(super) const COMPANIES: &[&str] = &[
    "GmbH", "Ltd", "Inc", "S.A.", "& Sons", "Group", "Works", "Partners",
];

pub(super) const STATUSES: &[&str] = &[
    "active",
    "pending",
    "done",
    "failed",
    "cancelled",
    "archived",
];

pub(super) const KINDS: &[&str] = &["standard", "basic", "premium", "internal", "trial"];

pub(super) const ROLES: &[&str] = &["member", "admin", "owner", "viewer", "guest"];

pub(super) const COLOURS: &[&str] = &[
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#000000", "#ffffff",
];

pub(super) const CURRENCIES: &[&str] = &["EUR", "USD", "GBP", "JPY", "SEK", "INR", "BRL", "PLN"];

pub(super) const LOCALES: &[&str] = &["en", "de", "fr", "es", "ja", "pt", "sv", "pl", "tr", "zh"];

pub(super) const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tokyo",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Australia/Sydney",
];

pub(super) const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) Example/1.0",
    "curl/8.5.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Example/2.1",
    "example-client/3.2",
];

pub(super) const MIMES: &[&str] = &[
    "text/plain",
    "application/json",
    "image/png",
    "image/jpeg",
    "application/pdf",
    "text/html",
];

pub(super) const EXTENSIONS: &[&str] = &["txt", "png", "pdf", "json", "csv", "tar.gz"];
