//! Writing the page.

use super::view::{ClassView, Head};
use serde::Serialize;
use std::io::{self, Write};

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In this order they are one script.
const SCRIPTS: [&str; 5] = [
    include_str!("page/base.js"),
    include_str!("page/charts.js"),
    include_str!("page/overview.js"),
    include_str!("page/class.js"),
    include_str!("page/main.js"),
];

/// A page under way: first [`Page::begin`], then every class in order, then [`Page::finish`].
pub struct Page<W> {
    out: W,
    /// What of the template is still to be written.
    rest: &'static str,
}

impl<W: Write> Page<W> {
    /// Writes up to the classes. `name` is what the set is called, `program` what writes this.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn begin(out: W, name: &str, program: &str) -> io::Result<Self> {
        let mut page = Self { out, rest: TEMPLATE };
        let name = escaped(name);
        page.fill("program", &escaped(program))?;
        page.fill("title", &format!("{name} · coda-pipe"))?;
        page.fill("style", STYLE)?;
        page.fill("name", &name)?;
        page.up_to("classes")?;
        Ok(page)
    }

    /// Writes the data of the class at `place`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn class(&mut self, place: usize, class: &ClassView) -> io::Result<()> {
        let data = json(class)?;
        writeln!(self.out, "<script type=\"application/json\" id=\"class-{place}\">{data}</script>")
    }

    /// Writes the rest and gives back what was written to.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(mut self, head: &Head) -> io::Result<W> {
        self.fill("report", &json(head)?)?;
        self.fill("script", &SCRIPTS.concat())?;
        self.out.write_all(self.rest.as_bytes())?;
        Ok(self.out)
    }

    /// Writes the template up to `{{key}}`, and `value` in its place. What is put in is not looked at again.
    fn fill(&mut self, key: &str, value: &str) -> io::Result<()> {
        self.up_to(key)?;
        self.out.write_all(value.as_bytes())
    }

    fn up_to(&mut self, key: &str) -> io::Result<()> {
        let mark = format!("{{{{{key}}}}}");
        let (before, after) = self.rest.split_once(&mark).unwrap_or((self.rest, ""));
        self.rest = after;
        self.out.write_all(before.as_bytes())
    }
}

/// JSON that can stand in a `<script>`: no `<`, `>` or `&`, which are only ever in its strings.
fn json(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(value).map_err(io::Error::from)?;
    Ok(text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

/// Text for HTML, in an attribute too.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::page::view::ClassAbout;

    const HOSTILE: &str = "</script><script>alert('{{script}}')</script>&\"<!--";

    #[test]
    fn the_template_is_filled_and_data_stay_data() {
        let mut page = Page::begin(Vec::new(), HOSTILE, "coda-pipe 9").unwrap();
        let class = ClassView { log: vec![HOSTILE.into()], ..ClassView::default() };
        page.class(0, &class).unwrap();
        let about = ClassAbout { key: HOSTILE.into(), ..ClassAbout::default() };
        let head = Head { name: HOSTILE.into(), classes: vec![about], ..Head::default() };
        let html = String::from_utf8(page.finish(&head).unwrap()).unwrap();
        assert!(html.ends_with("</html>\n") && html.contains("--accent"));
        assert!(!html.contains("alert('{{script}}')</script>"), "markup from data");
        // Only the escaped name keeps its braces.
        let marks = html.matches("{{").count();
        assert_eq!(marks, html.matches("{{script}}").count(), "a place was not filled");
        let data = html.split("id=\"class-0\">").nth(1).unwrap().split("</script>").next().unwrap();
        let read: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(read["log"][0], HOSTILE);
    }
}
