//! Spring Boot, which migrates when the application starts if Flyway or Liquibase is on the class
//! path and nobody says otherwise.
//!
//! Source: <https://docs.spring.io/spring-boot/how-to/data-initialization.html>.

use std::ops::Range;

use super::{paths, yaml};

/// What a file says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A build file has Spring Boot and a tool that migrates.
    Tool {
        /// `Flyway` or `Liquibase`.
        tool: &'static str,
        /// The place of the dependency.
        span: Range<usize>,
    },
    /// A configuration switches the tool off.
    Off {
        /// `Flyway` or `Liquibase`.
        tool: &'static str,
    },
    /// Hibernate changes the schema by itself.
    Update {
        /// The place of the value.
        span: Range<usize>,
    },
}

/// Whether a path is that of a build file or a configuration.
pub(super) fn reads(path: &str) -> bool {
    is_build_file(path) || is_configuration(path)
}

fn is_build_file(path: &str) -> bool {
    matches!(
        paths::name(path),
        "pom.xml" | "build.gradle" | "build.gradle.kts"
    )
}

fn is_configuration(path: &str) -> bool {
    let name = paths::name(path);
    (name.starts_with("application") || name.starts_with("bootstrap"))
        && matches!(paths::ending(path).as_str(), "properties" | "yml" | "yaml")
        && !paths::is_test(path)
}

/// Whether a configuration is for a machine on which somebody develops.
fn is_local(path: &str) -> bool {
    let stem = paths::stem(path).to_ascii_lowercase();
    let profile = stem.split_once('-').map_or("", |(_, profile)| profile);
    ["dev", "local", "test", "it", "h2", "ci"].iter().any(|it| {
        profile == *it
            || profile.starts_with(&format!("{it}-"))
            || profile == "develop"
            || profile == "development"
    })
}

/// What a file says.
pub(super) fn words(path: &str, text: &str) -> Vec<Word> {
    if is_build_file(path) {
        return tool(text).into_iter().collect();
    }
    if !is_configuration(path) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (key, value, span) in entries(path, text) {
        let value = value.trim();
        match key.as_str() {
            "spring.flyway.enabled" | "flyway.enabled" if value == "false" => {
                found.push(Word::Off { tool: "Flyway" });
            }
            "spring.liquibase.enabled" | "liquibase.enabled" if value == "false" => {
                found.push(Word::Off { tool: "Liquibase" });
            }
            "spring.jpa.hibernate.ddl-auto"
            | "spring.jpa.properties.hibernate.hbm2ddl.auto"
            | "quarkus.hibernate-orm.database.generation"
                if value == "update" && !is_local(path) =>
            {
                found.push(Word::Update { span });
            }
            _ => {}
        }
    }
    found
}

fn tool(text: &str) -> Option<Word> {
    if !text.contains("spring-boot") && !text.contains("springframework.boot") {
        return None;
    }
    for (needle, tool) in [
        ("flyway-core", "Flyway"),
        ("spring-boot-starter-flyway", "Flyway"),
        ("liquibase-core", "Liquibase"),
        ("spring-boot-starter-liquibase", "Liquibase"),
    ] {
        for (at, _) in text.match_indices(needle) {
            let begin = text[..at].rfind('\n').map_or(0, |at| at + 1);
            let line = &text[begin..text[at..].find('\n').map_or(text.len(), |end| at + end)];
            // A dependency of tests, or what only a plugin of the build uses.
            let after: String = text[at..].lines().take(4).collect();
            let other = line.contains("test")
                || line.trim_start().starts_with("//")
                || after
                    .split("</dependency>")
                    .next()
                    .is_some_and(|it| it.contains("<scope>test"));
            if !other {
                return Some(Word::Tool {
                    tool,
                    span: at..at + needle.len(),
                });
            }
        }
    }
    None
}

/// The keys of a configuration, each with its value and the value's place.
fn entries(path: &str, text: &str) -> Vec<(String, String, Range<usize>)> {
    if paths::ending(path) != "properties" {
        return yaml::leaves(text)
            .into_iter()
            .map(|leaf| (leaf.path.join("."), leaf.value, leaf.span))
            .collect();
    }
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        if let Some((key, value)) = line.split_once('=')
            && !line.trim_start().starts_with(['#', '!'])
        {
            let start = begin + key.len() + 1;
            let end = start + value.trim_end().len();
            found.push((key.trim().to_owned(), value.trim().to_owned(), start..end));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_found() {
        let pom = "<parent>spring-boot-starter-parent</parent>\n<dependency>\n<artifactId>flyway-core</artifactId>\n</dependency>";
        let found = words("pom.xml", pom);
        let [
            Word::Tool {
                tool: "Flyway",
                span,
            },
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!(&pom[span.clone()], "flyway-core");
        let test = pom.replace("</artifactId>\n", "</artifactId>\n<scope>test</scope>\n");
        assert_eq!(words("pom.xml", &test), []);
        assert_eq!(words("pom.xml", "flyway-core"), []);
        let gradle =
            "id 'org.springframework.boot'\nimplementation 'org.liquibase:liquibase-core'\n";
        assert!(matches!(
            words("build.gradle", gradle)[..],
            [Word::Tool {
                tool: "Liquibase",
                ..
            }]
        ));
    }

    #[test]
    fn configurations_are_read() {
        let yaml = "spring:\n  flyway:\n    enabled: false\n  jpa:\n    hibernate:\n      ddl-auto: update\n";
        let found = words("src/main/resources/application.yml", yaml);
        assert!(
            matches!(
                found[..],
                [Word::Off { tool: "Flyway" }, Word::Update { .. }]
            ),
            "{found:?}"
        );
        assert_eq!(
            words(
                "src/main/resources/application-dev.properties",
                "spring.jpa.hibernate.ddl-auto=update"
            ),
            []
        );
        assert_eq!(
            words(
                "src/test/resources/application.properties",
                "spring.jpa.hibernate.ddl-auto=update"
            ),
            []
        );
        assert_eq!(
            words(
                "application.properties",
                "spring.jpa.hibernate.ddl-auto = update\n"
            )
            .len(),
            1
        );
    }
}
