//! Tables of files and their classes: CSV, TSV, JSON Lines, Parquet.

use super::error::PackError;
use super::table_columns::columns;
use super::table_parquet::parquet_rows;
use crate::config::plain_text;
use serde_json::{Map, Value};
use std::path::Path;

/// Path and class of every row.
pub(super) fn table_rows(path: &Path) -> Result<Vec<(String, String)>, PackError> {
    let ending = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match ending.to_lowercase().as_str() {
        "parquet" | "pq" => parquet_rows(path),
        "jsonl" | "ndjson" | "json" => json_rows(path),
        "tsv" => csv_rows(path, b'\t'),
        _ => csv_rows(path, b','),
    }
}

fn csv_rows(path: &Path, delimiter: u8) -> Result<Vec<(String, String)>, PackError> {
    let broken = |error: csv::Error| PackError::list(path, format!("not a CSV table: {error}"));
    let text = read_text(path)?;
    // Without comments: CSV has none, and a file may be called `#3.png`.
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().map_err(broken)?.iter().map(str::to_lowercase).collect();
    let [file, class] = columns(path, &names, "its first line names")?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let value = |column: usize| record.get(column).filter(|value| !value.is_empty());
        let (Some(file), Some(class)) = (value(file), value(class)) else {
            let line = record.position().map_or(0, csv::Position::line);
            return Err(PackError::list(path, format!("line {line} lacks a path or a class")));
        };
        rows.push((file.to_owned(), class.to_owned()));
    }
    Ok(rows)
}

fn read_text(path: &Path) -> Result<String, PackError> {
    let bytes = std::fs::read(path).map_err(PackError::io("read", path))?;
    plain_text(&bytes)
        .map_err(|(line, problem)| PackError::list(path, format!("line {line}: {problem}")))
}

/// A row, with its number.
type Numbered = (usize, Map<String, Value>);

/// An object a line, or one list of objects.
fn json_rows(path: &Path) -> Result<Vec<(String, String)>, PackError> {
    let text = read_text(path)?;
    let objects: Vec<Numbered> = match serde_json::from_str(&text) {
        Ok(objects) => (1..).zip::<Vec<_>>(objects).collect(),
        Err(_) => lines_of_objects(path, &text)?,
    };
    let Some((_, first)) = objects.first() else { return Ok(Vec::new()) };
    let names: Vec<String> = first.keys().map(|name| name.to_lowercase()).collect();
    let found = columns(path, &names, "its first object has")?;
    let chosen = found.map(|column| first.keys().nth(column).cloned().unwrap_or_default());
    let value = |number: usize, object: &Map<String, Value>, name: &String| {
        let problem = match object.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => {
                return Ok(text.trim().to_owned());
            }
            Some(Value::Number(value)) if !value.is_f64() => return Ok(value.to_string()),
            Some(Value::Array(_)) => "is a list; pack takes one a row",
            Some(Value::Null | Value::String(_)) | None => "is missing",
            Some(_) => "is neither text nor a whole number",
        };
        Err(PackError::list(path, format!("row {number}: field {name:?} {problem}")))
    };
    let [file, class] = &chosen;
    let row = |(number, object): &Numbered| {
        Ok((value(*number, object, file)?, value(*number, object, class)?))
    };
    objects.iter().map(row).collect()
}

fn lines_of_objects(path: &Path, text: &str) -> Result<Vec<Numbered>, PackError> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let object = serde_json::from_str(line).map_err(|error| {
                let problem = format!("line {number} is no JSON object: {error}");
                PackError::list(path, problem)
            })?;
            Ok((number, object))
        })
        .collect()
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
