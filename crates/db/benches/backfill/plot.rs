//! The figures as a drawing: four small charts of bars, each bar with its number beside it.
//!
//! The SVG is made for pages of either brightness, and says in words what it shows for those who do
//! not see it.

use std::fmt::Write as _;

use crate::scene::Used;

/// One chart: what it shows, and a line that no bar should cross, or that every bar should reach.
struct Chart {
    title: &'static str,
    unit: &'static str,
    limit: Option<(f64, String)>,
    values: Vec<f64>,
}

const WIDTH: f64 = 720.0;
const LEFT: f64 = 160.0;
/// Room to the right of the longest bar for its number.
const RIGHT: f64 = 90.0;
const BAR: f64 = 18.0;
const STEP: f64 = 26.0;
const HEAD: f64 = 34.0;
const TOP: f64 = 48.0;

const STYLE: &str = "
    text { font: 13px system-ui, sans-serif; fill: #1b1f24 }
    .head { font-weight: 600 } .note { font-size: 12px; fill: #57606a }
    .bar { fill: #8c959f } .ours { fill: #0969da }
    .limit { stroke: #bc4c00; stroke-width: 1.5; stroke-dasharray: 4 3 } .of-limit { font-size: 12px; fill: #bc4c00 }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3 } .note { fill: #9198a1 }
        .bar { fill: #6e7681 } .ours { fill: #4493f8 }
        .limit { stroke: #f0883e } .of-limit { fill: #f0883e }
    }";

/// So many of the arms are ours: the last ones.
const OURS: usize = 2;

/// Draws the arms.
pub(crate) fn svg(arms: &[(&str, Used)], rows: i64, version: &str) -> String {
    let charts = charts(arms, rows);
    let each = HEAD + STEP * arms.len() as f64 + 14.0;
    let height = TOP + each * charts.len() as f64;
    let title = format!(
        "Filling a column of {} rows, three indexes, PostgreSQL {}",
        thousands(rows as f64),
        version.split_whitespace().next().unwrap_or(version)
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"title description\">\n<title id=\"title\">{title}</title>\n\
         <desc id=\"description\">{}</desc>\n<style>{STYLE}\n</style>\n\
         <text class=\"head\" x=\"0\" y=\"20\" font-size=\"15\">{title}</text>\n",
        in_words(&charts, arms)
    );
    for (at, chart) in charts.iter().enumerate() {
        draw(&mut out, chart, arms, TOP + each * at as f64);
    }
    out.push_str("</svg>\n");
    out
}

fn charts(arms: &[(&str, Used)], rows: i64) -> Vec<Chart> {
    let of = |value: &dyn Fn(&Used) -> f64| arms.iter().map(|(_, used)| value(used)).collect();
    vec![
        Chart {
            title: "Rows a second (more is better)",
            unit: "",
            limit: None,
            values: of(&|used| used.rate(rows)),
        },
        Chart {
            title: "Processor time of the server (less is better)",
            unit: " s",
            limit: None,
            values: of(&|used| used.server_cpu.as_secs_f64()),
        },
        Chart {
            title: "Bytes of write-ahead log for each row (less is better)",
            unit: "",
            limit: Some((380.0, "380".to_owned())),
            values: of(&|used| used.wal_per_row(rows)),
        },
        Chart {
            title: "Growth of the table, automatic vacuum off (less is better)",
            unit: " %",
            limit: Some((40.0, "40 %".to_owned())),
            values: of(&|used| 100.0 * used.heap_growth),
        },
    ]
}

fn draw(out: &mut String, chart: &Chart, arms: &[(&str, Used)], y: f64) {
    let most = chart
        .values
        .iter()
        .copied()
        .fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let _ = writeln!(
        out,
        "<text class=\"head\" x=\"0\" y=\"{:.0}\">{}</text>",
        y + 14.0,
        chart.title
    );
    let top = y + HEAD - 8.0;
    for (at, ((name, _), value)) in arms.iter().zip(&chart.values).enumerate() {
        let bar = top + STEP * at as f64;
        let class = if at + OURS >= arms.len() {
            "ours"
        } else {
            "bar"
        };
        let width = (value * scale).max(1.0);
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{bar:.0}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            LEFT - 8.0,
            bar + 14.0,
            LEFT + width + 6.0,
            bar + 14.0,
            figure(*value, chart.unit)
        );
    }
    if let Some((limit, text)) = &chart.limit {
        let x = LEFT + limit * scale;
        let bottom = top + STEP * arms.len() as f64 - 4.0;
        let _ = writeln!(
            out,
            "<line class=\"limit\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.0}\" y2=\"{bottom:.0}\"/>\
             <text class=\"of-limit\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">at most {text}</text>",
            top - 2.0,
            bottom + 11.0
        );
    }
}

fn in_words(charts: &[Chart], arms: &[(&str, Used)]) -> String {
    let mut text = String::new();
    for chart in charts {
        let each: Vec<String> = arms
            .iter()
            .zip(&chart.values)
            .map(|((name, _), value)| format!("{name} {}", figure(*value, chart.unit)))
            .collect();
        let _ = write!(text, "{}: {}. ", chart.title, each.join(", "));
    }
    text.trim_end().to_owned()
}

fn figure(value: f64, unit: &str) -> String {
    if value >= 1_000.0 {
        // No more digits than such a measurement has.
        format!("{}{unit}", thousands((value / 100.0).round() * 100.0))
    } else if value >= 100.0 {
        format!("{value:.0}{unit}")
    } else {
        format!("{value:.1}{unit}")
    }
}

/// With a comma between each three digits.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
