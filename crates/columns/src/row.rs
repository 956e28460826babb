//! One ended session, in codes.

/// A whole number of nano-dollars in 32 or 64 bits.
pub trait Nanos: bytemuck::Pod + Into<u64> + TryFrom<u64> + std::fmt::Debug + Send + Sync {}
impl Nanos for u32 {}
impl Nanos for u64 {}

/// A licence that a session held, and its cost in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LicenseLine {
    /// Code of the product.
    pub product: u32,
    /// Cost over the whole session.
    pub cost_nanos: u64,
}

/// One ended session, in codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Start in milliseconds since 1970.
    pub start_ms: i64,
    /// End in milliseconds since 1970.
    pub end_ms: i64,
    /// Code of the queue.
    pub queue: u32,
    /// Code of the fleet.
    pub fleet: u32,
    /// Code of the job.
    pub job: u32,
    /// Code of the user.
    pub user: u32,
    /// Code of the instance type.
    pub instance_type: u32,
    /// Cost of the COMPUTE line in nano-dollars; `None` when there is no such line.
    pub compute_nanos: Option<u64>,
    /// The LICENSE lines.
    pub licenses: Vec<LicenseLine>,
}

impl SessionRow {
    /// Cost of all LICENSE lines together, in nano-dollars.
    pub fn license_nanos(&self) -> u64 {
        self.licenses.iter().map(|line| line.cost_nanos).sum()
    }

    /// Cost of all lines together, in nano-dollars.
    pub fn total_nanos(&self) -> u64 {
        self.compute_nanos.unwrap_or(0) + self.license_nanos()
    }
}
