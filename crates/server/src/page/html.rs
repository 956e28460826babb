//! The page as HTML. Every part is a `Display`, so that parts nest and nothing is written but through one of them.

use std::fmt;

use farmtally_model::{DisplayName, FarmId, Timestamp};
use farmtally_service::FarmOverview;

use super::chart::DayChart;
use super::escape::Escaped;
use super::figures::{Count, Day, Dollars, Hours};
use super::recipe::Recipe;
use super::session::Visitor;
use super::table::UsageTable;

/// The whole page.
#[derive(Debug)]
pub(super) struct OverviewPage {
    pub(super) sections: Vec<FarmSection>,
    pub(super) now: Timestamp,
    /// The form that ends a session, for whoever has one; already HTML.
    pub(super) sign_out: String,
}

/// A farm on the page.
#[derive(Debug)]
pub(super) enum FarmSection {
    Known(Box<FarmOverview>),
    /// Its records are damaged, say; the log has the reason.
    Unreadable {
        farm_id: FarmId,
        name: DisplayName,
    },
}

/// What is said of a sign-in that did not work.
pub(super) const WRONG_KEY: &str = "This is not a working key with its secret.";
pub(super) const NOT_A_READER: &str = "This key may send sessions, and not read what was used.";
pub(super) const ANOTHER_SITE: &str = "This form was not on this page. Sign in here.";

/// For whoever comes without a session: how to get one.
pub(super) fn sign_in(problem: Option<&str>) -> String {
    let problem = problem.map_or_else(String::new, |problem| format!("<p role=\"alert\">{problem}</p>"));
    format!(
        "{}<main class=\"notice\"><h1>farmtally</h1>{problem}<p>Open the link that farmtally printed when it started. \
         It has a token in it that lets this browser in. Or sign in with an access key:</p>\
         <form method=\"post\" action=\"/sign-in\" autocomplete=\"off\">\
         <label>Access key <input name=\"accessKeyId\" required spellcheck=\"false\"></label>\
         <label>Secret <input name=\"secretAccessKey\" type=\"password\" required></label>\
         <button>Sign in</button></form></main></body></html>\n",
        include_str!("head.html")
    )
}

/// The form that ends a visitor's session.
pub(super) fn sign_out(visitor: &Visitor) -> String {
    let (key, token) = (Escaped(&visitor.caller.access_key_id), &visitor.form_token);
    format!(
        "<form method=\"post\" action=\"/sign-out\"><span>{key} ({role})</span>\
         <input type=\"hidden\" name=\"form\" value=\"{token}\"><button>Sign out</button></form>",
        role = visitor.caller.role.as_str()
    )
}

/// For a browser that asked for a name that is not this machine's.
pub(super) const WRONG_HOST: &str = concat!(
    include_str!("head.html"),
    "<main class=\"notice\"><h1>farmtally</h1><p>This page is shown under the address that farmtally printed when it \
     started, not under this name.</p></main></body></html>\n"
);

const NO_FARMS: &str = "<section><h2>No farm yet</h2><p>Import sessions with <code>farmtally import</code>, \
                        or make a farm with <code>farmtally farm create</code>.</p></section>";

impl fmt::Display for OverviewPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(include_str!("head.html"))?;
        write!(f, "<header><h1>farmtally</h1><p>as of {}</p>{}</header><main>", self.now, self.sign_out)?;
        if self.sections.is_empty() {
            f.write_str(NO_FARMS)?;
        }
        for section in &self.sections {
            write!(f, "{section}")?;
        }
        if let Some(farm) = self.sections.iter().find_map(FarmSection::known) {
            write!(f, "{}", Recipe(farm))?;
        }
        f.write_str("</main></body></html>\n")
    }
}

impl FarmSection {
    fn known(&self) -> Option<&FarmOverview> {
        match self {
            Self::Known(farm) => Some(farm),
            Self::Unreadable { .. } => None,
        }
    }
}

impl fmt::Display for FarmSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(farm) => write_farm(f, farm),
            Self::Unreadable { farm_id, name } => {
                let name = Escaped(name.as_str());
                write!(f, "<section><h2>{name}</h2><p><code>{farm_id}</code></p>")?;
                f.write_str(
                    "<p>The records of this farm cannot be read; the server's log says more.</p></section>",
                )
            }
        }
    }
}

fn write_farm(f: &mut fmt::Formatter<'_>, farm: &FarmOverview) -> fmt::Result {
    let (name, farm_id) = (Escaped(farm.farm.display_name.as_str()), farm.farm.farm_id);
    let records = Count(farm.record_count);
    write!(f, "<section><h2>{name}</h2><p><code>{farm_id}</code> · {records} records stored</p>")?;
    write_totals(f, farm)?;
    if farm.totals.sessions == 0 {
        return f.write_str("<p>Nothing was used in these days.</p></section>");
    }
    write!(f, "{}", DayChart(farm))?;
    let factor = farm.farm.cost_scale_factor;
    write!(f, "{}", UsageTable { heading: "Queue", rows: &farm.queues, factor })?;
    write!(f, "{}", UsageTable { heading: "User", rows: &farm.users, factor })?;
    f.write_str("</section>")
}

fn write_totals(f: &mut fmt::Formatter<'_>, farm: &FarmOverview) -> fmt::Result {
    let (first, last) = (farm.days.first(), farm.days.last());
    if let (Some(first), Some(last)) = (first, last) {
        let days = farm.days.len();
        write!(f, "<p>{days} days, {} to {} (UTC)</p>", Day(first.start), Day(last.start))?;
    }
    let (totals, factor) = (farm.totals, farm.farm.cost_scale_factor);
    write!(
        f,
        "<dl class=\"totals\"><div><dt>Cost</dt><dd>{}</dd></div><div><dt>Session time</dt><dd>{}</dd></div>\
         <div><dt>Sessions</dt><dd>{}</dd></div></dl>",
        Dollars(totals.cost_usd(factor)),
        Hours(totals.runtime_hours()),
        Count(totals.sessions),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(sections: Vec<FarmSection>) -> String {
        OverviewPage {
            sections,
            now: Timestamp::parse("2025-11-24T22:00:00Z").unwrap(),
            sign_out: String::new(),
        }
        .to_string()
    }

    #[test]
    fn a_folder_without_farms_says_how_to_get_one() {
        let page = page(Vec::new());
        assert!(page.contains("No farm yet") && page.contains("farmtally import"), "{page}");
        assert!(!page.contains("Ask with your own tools"), "{page}");
    }

    #[test]
    fn a_farm_that_cannot_be_read_is_named_and_nothing_is_said_of_why() {
        let name = DisplayName::new("<b>Comet").unwrap();
        let page = page(vec![FarmSection::Unreadable { farm_id: FarmId::from_bytes([1; 16]), name }]);
        assert!(page.contains("<h2>&lt;b&gt;Comet</h2>"), "{page}");
        assert!(page.contains("cannot be read; the server's log says more"), "{page}");
    }

    #[test]
    fn every_page_is_a_whole_document() {
        for page in [page(Vec::new()), sign_in(Some(WRONG_KEY)), sign_in(None), WRONG_HOST.to_owned()] {
            assert!(page.starts_with("<!doctype html>") && page.ends_with("</body></html>\n"), "{page}");
        }
    }
}
