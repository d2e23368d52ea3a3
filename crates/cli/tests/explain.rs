//! Every code and topic can be explained, in both formats.

mod support;

use serde_json::Value;
use support::{bad, good, switchback};
use switchback_diag::{Code, Topic};

#[test]
fn every_code_is_listed_and_explained() {
    let cli = switchback();
    let list = good(&cli, "explain");
    for code in Code::ALL {
        assert!(
            list.contains(&format!("  {code}  {}\n", code.title())),
            "{code}"
        );
        let page = good(&cli, &format!("explain {code}"));
        assert!(
            page.starts_with(&format!("{code}: {}\n", code.title())),
            "{code}: {page}"
        );
        for section in ["What it means", "Why", "What to do", "Example"] {
            assert!(
                page.contains(&format!("\n{section}\n")),
                "{code}: {section}"
            );
        }
        assert!(
            !page.contains("```"),
            "{code}: Markdown fences are for files"
        );
    }
    assert_eq!(
        good(&cli, "explain sb0103"),
        good(&cli, "explain unknown-key")
    );
}

#[test]
fn every_topic_is_listed_and_explained() {
    let cli = switchback();
    let list = good(&cli, "explain");
    for topic in Topic::ALL {
        assert!(list.contains(topic.slug()) && list.contains(topic.title()));
        let page = good(&cli, &format!("explain {}", topic.slug()));
        assert!(page.starts_with(topic.title()), "{page}");
    }
}

#[test]
fn json_has_the_same() {
    let cli = switchback();
    let list: Value = serde_json::from_str(&good(&cli, "explain --format json")).unwrap();
    assert_eq!(list["schema"], "switchback.explain-list/v1");
    assert_eq!(list["codes"].as_array().unwrap().len(), Code::ALL.len());
    assert_eq!(list["topics"].as_array().unwrap().len(), Topic::ALL.len());
    let page: Value = serde_json::from_str(&good(&cli, "explain SB0202 --format json")).unwrap();
    assert_eq!(page["schema"], "switchback.explain/v1");
    assert_eq!(
        (&page["code"], &page["exit"]),
        (&"SB0202".into(), &4.into())
    );
    assert_eq!(page["page"], Code::LedgerDamaged.page());
    let topic: Value = serde_json::from_str(&good(&cli, "explain ledger --format json")).unwrap();
    assert_eq!(
        (&topic["code"], &topic["slug"]),
        (&Value::Null, &"ledger".into())
    );
}

#[test]
fn an_unknown_page_leads_to_the_nearest() {
    let cli = switchback();
    let error = bad(&cli, "explain unkown-key", 2);
    assert!(
        error.starts_with("error[SB0114]: there is no page `unkown-key`\n"),
        "{error}"
    );
    assert!(
        error.contains("switchback explain unknown-key\n"),
        "{error}"
    );
    let error = bad(&cli, "explain zebra", 2);
    assert!(
        !error.contains("did you mean") && error.contains("see every page"),
        "{error}"
    );
}
