//! The reference of every setting, as Markdown: `docs/settings.md` is its output.

use super::document::GUIDANCE;
use super::guidance;
use super::pipeline::Pipeline;
use std::borrow::Cow;
use std::fmt::Write;

/// Every section and key with type, default and documentation, as `docs/settings.md` has it.
pub fn settings_reference() -> String {
    let mut text = String::from(
        "# Settings of a pipeline file\n\n\
         A pipeline is a TOML file. Every key is listed here; any other is refused. Relative paths start at the\n\
         file's folder (those of `--set` at the current directory). `--set section.key=value`, or `--set key=value`\n\
         where only one section has the key, overrides a setting for one run.\n\n\
         This page is made from the code: `coda-pipe settings > docs/settings.md`. A test compares the two.\n",
    );
    let mut section: Option<Cow<'static, str>> = None;
    for key in Pipeline::keys() {
        if section.as_ref() != Some(&key.section) {
            let first_of_guidance =
                of_guidance(&key.section) && !section.is_some_and(|before| of_guidance(&before));
            section = Some(key.section.clone());
            let _ = match &*key.section {
                "" => write!(text, "\n## Above all sections\n"),
                name => {
                    let about = guidance::about(name);
                    let notations = if first_of_guidance { guidance::NOTATIONS } else { "" };
                    write!(text, "{notations}\n## [{name}]\n{about}")
                }
            };
        }
        let default = match key.default.as_str() {
            "" => String::from("none"),
            shown => format!("`{shown}`"),
        };
        let doc: Vec<&str> = key.doc.lines().map(str::trim).collect();
        let _ = write!(
            text,
            "\n### `{}`\n{}. Default: {default}.\n\n{}\n",
            key.key,
            capitalised(&key.kind),
            doc.join("\n").trim()
        );
        if !key.choices.is_empty() {
            text.push('\n');
        }
        for (name, what) in key.choices {
            let _ = writeln!(text, "- `\"{name}\"`: {what}");
        }
    }
    text
}

fn of_guidance(section: &str) -> bool {
    section == GUIDANCE || section.starts_with("guidance.")
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}
