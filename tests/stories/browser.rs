//! The HTML reports in a real browser: their parts are found by role and text, and nothing overflows.
//!
//! They need Chromium on the PATH, or `REDIS_DR_BROWSER` that names one. Marked `ignored`, so that the summary counts them
//! as left out and never as passed where there is none; `make test` runs them where there is one.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the page looks like to whoever sees it, and to whoever has it read out.
const LOOK: &str = r#"<script>
const all = [...document.querySelectorAll("body *")].filter(e => e.id !== "seen" && e.tagName !== "SCRIPT");
const shown = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; };
const inside = (e, what) => e.closest(what) !== null;
const rgb = text => text.match(/[\d.]+/g).map(Number);
const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
const contrast = e => { const [a, b] = [light(rgb(getComputedStyle(e)[e.namespaceURI.includes("svg") ? "fill" : "color"]).slice(0, 3)), light(behind(e).slice(0, 3))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
const says = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
const texts = all.filter(e => shown(e) && says(e) && e.tagName !== "title");
const seen = {
  width: innerWidth, whole: document.documentElement.scrollWidth,
  headings: [...document.querySelectorAll("h1, h2")].map(e => e.textContent.trim()),
  pictures: [...document.querySelectorAll("[role=img]")].map(e => e.getAttribute("aria-label")),
  tables: [...document.querySelectorAll("[role=region]")].map(e => e.getAttribute("aria-label")),
  spilled: all.filter(e => shown(e) && !inside(e, ".wide") && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80)),
  faint: texts.filter(e => contrast(e) < 4.5).map(e => contrast(e).toFixed(1) + " " + e.textContent.trim().slice(0, 40)),
  dark: light(behind(document.body).slice(0, 3)) < 0.2, scripts: document.scripts.length - 1, text: document.body.innerText,
};
const pre = document.createElement("pre"); pre.id = "seen";
pre.textContent = JSON.stringify(seen).replace(/[<>&]/g, c => "\\u00" + c.charCodeAt(0).toString(16));
document.body.append(pre);
</script>"#;

fn browser() -> String {
    let named = std::env::var("REDIS_DR_BROWSER").ok();
    let found = || {
        let path = std::env::var_os("PATH")?;
        let names = ["chromium", "chromium-browser", "google-chrome"];
        std::env::split_paths(&path).flat_map(|d| names.map(|n| d.join(n))).find(|p| p.exists())
    };
    named.or_else(|| Some(found()?.display().to_string())).expect("left out: no Chromium on the PATH")
}

/// Opens the page in a window of this width.
fn look(page: &Path, width: u32, dark: bool) -> Value {
    let copy = page.with_extension("looked-at.html");
    fs::write(&copy, fs::read_to_string(page).unwrap().replace("</body>", &format!("{LOOK}</body>"))).unwrap();
    let home = tempfile::tempdir().unwrap();
    let out = Command::new(browser())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", home.path().display()))
        .arg(format!("--window-size={width},1200"))
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)))
        .arg(format!("file://{}", copy.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&out.stdout).into_owned();
    let (_, rest) = dom.split_once("<pre id=\"seen\">").unwrap_or_else(|| panic!("{dom}"));
    serde_json::from_str(rest.split_once("</pre>").unwrap().0).unwrap()
}

/// Nothing of a page is cut off or hard to read, on a phone and on a desk, by day and by night.
fn fits(page: &Path, headings: &[&str], pictures: usize) {
    for (width, dark) in [(390, false), (1280, false), (390, true)] {
        let seen = look(page, width, dark);
        let at = format!("at {width}, dark {dark}: {}", page.display());
        assert_eq!((&seen["spilled"], &seen["faint"]), (&Value::Array(vec![]), &Value::Array(vec![])), "{at}");
        assert!(seen["whole"].as_u64() <= seen["width"].as_u64(), "{at}: {} of {}", seen["whole"], seen["width"]);
        assert_eq!((&seen["dark"], &seen["scripts"]), (&dark.into(), &0.into()), "{at}");
        let found: Vec<&str> = seen["headings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(headings.iter().all(|h| found.contains(h)), "{at}: {found:?}");
        let labels = seen["pictures"].as_array().unwrap();
        assert!(
            labels.len() == pictures && labels.iter().all(|l| l.as_str().is_some_and(|l| l.len() > 9)),
            "{labels:?}"
        );
    }
}

fn recovered() -> Sandbox {
    let mut server = Lab::new().sandbox();
    server.start().fill(300);
    server.kill9().append_torn_transaction();
    server
}

#[test]
#[ignore = "needs Chromium"]
fn a_report_of_a_run_reads_on_a_phone_and_on_a_desk() {
    let mut server = recovered();
    for _ in 0..2 {
        server.recover_auto().recovered_by("repair-aof");
        server.kill9().append_torn_transaction();
    }
    let page = server.root().join("report.html");
    server.redis_dr(&["runs", "report", "last", "--format", "html", "-o", page.to_str().unwrap()]).exits(0);
    let headings = ["demo recovered", "Against the objectives", "What happened when", "Why this way", "What was found"];
    fits(&page, &headings, 4);
    fits(&page, &["Recovery points", "Steps", "What was cut", "Copies, and the way back", "Earlier runs"], 4);
    let seen = look(&page, 1280, false);
    let text = seen["text"].as_str().unwrap();
    assert!(text.contains("files.aof_corrupt") || text.contains("files.aof_"), "{text}");
    assert!(text.contains("serving: clients may write") && text.contains("redis-dr runs rollback"), "{text}");
    server.kill9();
}

#[test]
#[ignore = "needs Chromium"]
fn a_plan_reads_on_a_phone_and_on_a_desk() {
    let server = recovered();
    let page = server.root().join("plan.html");
    server.redis_dr(&["plan", "demo", "--format", "html", "-o", page.to_str().unwrap()]).exits(0);
    let headings = ["How long it takes", "What is lost", "Steps", "What can't be taken back", "Who may approve"];
    fits(&page, &headings, 3);
}

#[test]
#[ignore = "needs Chromium"]
fn a_report_of_drills_reads_on_a_phone_and_on_a_desk() {
    let server = Lab::new().sandbox();
    for _ in 0..2 {
        server.redis_dr(&["drill", "run", "process-killed", "aof-tail-torn"]).exits(0);
    }
    let page = server.root().join("drills.html");
    server.redis_dr(&["drill", "report", "--actions", "--format", "html", "-o", page.to_str().unwrap()]).exits(0);
    fits(&page, &["All of them", "Actions", "process-killed: passed", "aof-tail-torn: passed"], 8);
}
