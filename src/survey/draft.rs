//! The pipeline file and the class list for a data set: what differs from the defaults, what has to be decided, and why.

use super::names::Named;
use super::{Found, class_counts};
use crate::config::{ClassList, MaxBad};
use crate::objects::without_secrets_in;
use crate::text::printable;
use indicatif::HumanBytes;
use std::path::Path;

/// Side in pixels of encoded and of distilled images where nothing else is said.
const DEFAULT_SIDE: usize = 256;
/// Length of a line of comment.
const LINE: usize = 110;

/// The text-to-image model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelChoice {
    /// None yet: the key is left out, and a run says what is missing.
    Open,
    /// As it is to stand in the file, and the side of its images, where that is known.
    Given { path: String, size: Option<usize> },
}

/// What a draft is made for, beside the data set.
pub(crate) struct DraftFor<'a> {
    /// Name of the distilled set.
    pub(crate) name: &'a str,
    /// Patterns as they are to stand in the file.
    pub(crate) patterns: &'a [String],
    /// The class list's name, from the file's folder, if one is written.
    pub(crate) class_list: &'a str,
    /// A path of this machine as it is to stand in the file.
    pub(crate) in_file: &'a dyn Fn(&Path) -> String,
    pub(crate) model: &'a ModelChoice,
    pub(crate) ipc: usize,
}

/// The texts of both files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) pipeline: String,
    /// None where a list is there already, or not all classes are known.
    pub(crate) class_list: Option<String>,
}

/// Writes both.
pub(crate) fn draft(found: &Found, of: &DraftFor<'_>) -> Draft {
    let known = found.exact || found.names.is_whole();
    let own = known && !matches!(found.names.from, Named::List(_));
    let mut text = Text::default();
    head(&mut text, found, of);
    data(&mut text, found, of, known);
    model(&mut text, of.model);
    encode(&mut text, of.model);
    discover(&mut text, found, of.ipc);
    output(&mut text, found, of);
    Draft { pipeline: text.0, class_list: own.then(|| class_list(found)) }
}

/// A pipeline file in the making.
#[derive(Default)]
struct Text(String);

impl Text {
    /// A comment, in lines of fair length.
    fn say(&mut self, words: &str) {
        let mut line = String::from("#");
        for word in words.split_whitespace() {
            if line.len() > 1 && line.chars().count() + word.chars().count() >= LINE {
                self.line(&line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn section(&mut self, name: &str) {
        self.line(&format!("\n[{name}]"));
    }

    fn key(&mut self, key: &str, value: &toml::Value) {
        self.line(&format!("{key} = {value}"));
    }
}

fn string(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}

fn number(number: usize) -> toml::Value {
    toml::Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn head(text: &mut Text, found: &Found, of: &DraftFor<'_>) {
    let patterns = without_secrets_in(&of.patterns.join(", "));
    text.say(&format!(
        "Written by coda-pipe {} init, from what was found in {}:",
        env!("CARGO_PKG_VERSION"),
        printable(&patterns)
    ));
    facts(found).iter().for_each(|fact| text.say(&format!("- {}", printable(fact))));
    found.odd.iter().for_each(|odd| text.say(&format!("- {}", printable(odd))));
    text.say("What does not stand here has its default; coda-pipe settings prints every key. Relative paths start at this file's folder.");
}

/// What was found, a line each.
pub(crate) fn facts(found: &Found) -> Vec<String> {
    let kinds: Vec<String> =
        found.containers.iter().map(|kind| format!("{} {}", kind.shards, kind.what)).collect();
    let bytes = found.bytes.map_or_else(String::new, |bytes| format!(", {}", HumanBytes(bytes)));
    let about = if found.exact { "" } else { "about " };
    let images = &found.images;
    vec![
        format!("shards: {}{bytes}", kinds.join(", ")),
        format!("{about}{} samples: {}", found.samples, found.basis),
        format!(
            "{}{}",
            class_counts(&found.classes),
            if found.exact { "" } else { " in what was read" }
        ),
        format!(
            "images: {}, {} ({} looked at)",
            images.formats(),
            images.sizes(),
            images.looked_at
        ),
    ]
}

fn data(text: &mut Text, found: &Found, of: &DraftFor<'_>, known: bool) {
    text.section("data");
    match of.patterns {
        [one] => text.key("shards", &string(one)),
        many => {
            text.line("shards = [");
            many.iter().for_each(|one| text.line(&format!("    {},", string(one))));
            text.line("]");
        }
    }
    match (&found.names.from, known) {
        (Named::List(path), _) => {
            text.say("This list was there already.");
            text.key("classes", &string(&(of.in_file)(path)));
        }
        (from, true) => {
            text.say(&format!("key, prompt: one class a line. {} Look them over: they are what the model is asked for.", source(from)));
            text.key("classes", &string(of.class_list));
        }
        (_, false) => text.say(
            "Not all samples were read, so that classes may be missing from a list made now: every label is a class and its \
             own prompt. `init --full` reads everything and writes the list.",
        ),
    }
    text.say(&format!("Where a sample's class stands: {}.", printable(&found.label_reason)));
    let mut others =
        found.candidates.iter().filter(|one| one.source != found.label && one.present > 0);
    for other in others.by_ref().take(6) {
        text.say(&format!(
            "Not {}: {}.",
            printable(&other.source.to_string()),
            printable(&other.verdict)
        ));
    }
    text.key("label", &string(&found.label.to_string()));
    if let Some(image) = &found.image {
        text.say("The image's own extension, which is none of the usual ones.");
        let image = image.iter().map(|name| string(name)).collect();
        text.key("image", &toml::Value::Array(image));
    }
    endured(text, found);
}

/// Keys that a user may want, as comments.
fn endured(text: &mut Text, found: &Found) {
    let all = found.bad + found.classes.iter().map(|(_, count)| count).sum::<u64>();
    if found.bad > MaxBad::Auto.allowed(all) {
        let share = (found.bad as f64 / all.max(1) as f64 * 100.0).ceil() / 100.0;
        text.say(&format!(
            "{} of {all} samples are bad, more than are endured (1 %). Mend them, or endure them:",
            found.bad
        ));
        text.line(&format!("# max_bad = {share:.2}"));
    }
    if found.unreadable_shards > 0 {
        text.say("Shards that can't be read fail the run. Mend them, or go without:");
        text.line(&format!("# max_bad_shards = {}", found.unreadable_shards));
    }
    if found.images.turned > 0 {
        text.say("Images lie on their side unless EXIF is heeded:");
        text.line("# exif_orientation = true");
    }
}

/// Where names come from, in a sentence.
fn source(from: &Named) -> String {
    match from {
        Named::List(path) | Named::Other(path) => {
            format!("The prompts are those of {}.", printable(&path.to_string_lossy()))
        }
        Named::WordNet(name) => {
            format!("The keys are WordNet ids, the prompts those of this program's list `{name}`, in its order.")
        }
        Named::Numbers => {
            "The labels are 0 to 999, and the prompts ImageNet's in its usual order: check that the data is ImageNet.".to_owned()
        }
        Named::Metadata => "The prompts are the names in the metadata of the files.".to_owned(),
        Named::Source(source) => format!("The prompts are what {} says of each class.", printable(source)),
        Named::Keys => "The prompts are the keys: write what each class is called where a key is no word.".to_owned(),
    }
}

fn model(text: &mut Text, model: &ModelChoice) {
    text.section("model");
    match model {
        ModelChoice::Given { path, size } => {
            if let Some(size) = size {
                text.say(&format!("Makes images of {size} × {size} pixels, which is what generate.size is without a value."));
            }
            text.key("path", &string(path));
        }
        ModelChoice::Open => {
            text.say(
                "Fill in, or give --set model.path=…: the folder of a text-to-image model exported to ONNX, such as SDXL \
                 (docs/models.md). coda-pipe doctor --model FOLDER checks one.",
            );
            text.line("# path =");
        }
    }
}

fn encode(text: &mut Text, model: &ModelChoice) {
    if let ModelChoice::Given { size: Some(size), .. } = model
        && *size < DEFAULT_SIDE
    {
        text.section("encode");
        text.say("The model's own size: cores are not encoded a second time then.");
        text.key("size", &number(*size));
    }
}

fn discover(text: &mut Text, found: &Found, ipc: usize) {
    text.section("discover");
    text.say("Distilled images per class.");
    text.key("ipc", &number(ipc));
    let few = found.classes.iter().filter(|(_, count)| *count < ipc as u64).count();
    if few > 0 && found.exact {
        text.say(&format!("{few} classes have fewer images: all of theirs are used."));
        text.key("allow_fewer", &toml::Value::Boolean(true));
    }
}

fn output(text: &mut Text, found: &Found, of: &DraftFor<'_>) {
    text.section("output");
    text.key("name", &string(of.name));
    let middle = found.images.shorter_side[2] as usize;
    let made = match of.model {
        ModelChoice::Given { size: Some(size), .. } => *size,
        _ => DEFAULT_SIDE,
    };
    let side = middle.min(made).min(DEFAULT_SIDE);
    if side > 0 && side < DEFAULT_SIDE {
        text.say(&format!(
            "As the data: half of the images have a shorter side of {middle} pixels at most."
        ));
        text.key("size", &number(side));
    }
}

fn class_list(found: &Found) -> String {
    let plain = |name: &String| {
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        name.trim().to_owned()
    };
    let pairs: Vec<(&String, String)> =
        found.names.pairs.iter().map(|(key, name)| (key, plain(name))).collect();
    let pairs = pairs.iter().map(|(key, name)| {
        (key.as_str(), if name.is_empty() { key.as_str() } else { name.as_str() })
    });
    format!("# key, prompt: one class a line.\n{}", ClassList::from_pairs(pairs).to_text())
}
