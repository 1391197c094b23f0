//! The report of a run as one HTML file that needs no network: the view of the data that its script reads, and the
//! writing of it. Nothing here reads a file; `stages` gathers.
//!
//! The page is in `page/`: a template, a style sheet and five scripts, written out as they are. Data are JSON in
//! `<script type="application/json">`, a block a class, parsed when that class is looked at, so that a thousand classes
//! open at once. Data never become markup: the scripts make text nodes of them, and `<`, `>` and `&` are escaped in the
//! JSON.

mod budget;
mod html;
mod points;
mod timeline;
mod view;
mod warnings;
mod workers;

pub(crate) use budget::{MEMBERS, ROWS};
pub use budget::{PicturePlan, plan_pictures};
pub use html::Page;
pub use points::{Points, points, points_per_class};
pub use timeline::{Timeline, timeline};
pub use view::{
    AuditView, ClassAbout, ClassView, CoreColumns, Head, Pair, Pictures, Quarantine, StageView,
};
pub use warnings::warnings;
pub use workers::{WorkerView, worker_views};
