//! What a report must not hand on.

use crate::inspect::page::Head;
use crate::objects::without_secrets_in;
use serde_json::Value;

/// Takes the secrets of URLs out of all that was written by others than this file: shards' names, reasons, what other
/// commands left.
pub(crate) fn hide_secrets(head: &mut Head) {
    let texts = head.shards.iter_mut().chain(&mut head.warnings).chain([&mut head.audit_note]);
    let rows = head.quarantine.rows.iter_mut().flatten();
    let states = head.workers.iter_mut().map(|worker| &mut worker.state);
    for text in texts.chain(rows).chain(states) {
        *text = without_secrets_in(text);
    }
    head.evaluation.iter_mut().chain(&mut head.stability).for_each(hide_in);
}

fn hide_in(value: &mut Value) {
    match value {
        Value::String(text) => *text = without_secrets_in(text),
        Value::Array(all) => all.iter_mut().for_each(hide_in),
        Value::Object(all) => all.values_mut().for_each(hide_in),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_keeps_no_secrets() {
        let mut head = Head {
            shards: vec!["pipe:curl 'https://me:pass@host/a.tar?sig=abc'".into()],
            evaluation: Some(
                serde_json::json!({"against": ["https://me:pass@host/v.tar?sig=abc"]}),
            ),
            ..Head::default()
        };
        head.quarantine.rows.push(["encode", "https://u@host/a.tar", "k", "r"].map(String::from));
        hide_secrets(&mut head);
        let text = serde_json::to_string(&head).unwrap();
        assert!(!text.contains("pass") && !text.contains("sig") && !text.contains("u@"), "{text}");
        assert!(text.contains("https://host/v.tar"), "{text}");
    }
}
