//! `management.` before the host, which this SDK cannot be told to leave out.

use aws_sdk_deadline::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_deadline::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_deadline::error::BoxError;

use crate::site::{Door, prepared};

/// What becomes of the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostPrefix {
    /// The request is signed for `management.127.0.0.1` and arrives with that `Host`, as where DNS knows the name.
    Kept,
    /// The request is signed for the endpoint as it was given.
    Removed,
}

/// Sends requests for the prefixed name to the endpoint itself.
#[derive(Debug)]
pub(crate) struct LoopbackRoute {
    authority: String,
    host_prefix: HostPrefix,
}

impl LoopbackRoute {
    pub(crate) fn new(endpoint: &str, host_prefix: HostPrefix) -> Self {
        let authority = endpoint.strip_prefix("http://").unwrap_or(endpoint).to_owned();
        Self { authority, host_prefix }
    }

    fn prefixed(&self) -> String {
        format!("management.{}", self.authority)
    }

    fn route(&self, context: &mut BeforeTransmitInterceptorContextMut<'_>) -> Result<(), BoxError> {
        let uri = context.request().uri().replacen(&self.prefixed(), &self.authority, 1);
        context.request_mut().set_uri(uri)?;
        Ok(())
    }
}

impl Intercept for LoopbackRoute {
    fn name(&self) -> &'static str {
        "LoopbackRoute"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        assert!(
            context.request().uri().contains(&self.prefixed()),
            "the SDK has a new way with the host prefix"
        );
        match self.host_prefix {
            HostPrefix::Removed => self.route(context),
            HostPrefix::Kept => Ok(()),
        }
    }

    /// The signature covers the name by now. The connection goes to the address; the header keeps the name.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.host_prefix == HostPrefix::Kept {
            self.route(context)?;
            context.request_mut().headers_mut().insert("host", self.prefixed());
        }
        Ok(())
    }
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn a_request_is_served_with_and_without_the_prefix() {
    for host_prefix in [HostPrefix::Kept, HostPrefix::Removed] {
        let client = Door::user().client_with(host_prefix);
        let farm = client.get_farm().farm_id(prepared("FARM_ID")).send().await.unwrap();
        assert_eq!(farm.display_name, "north", "{host_prefix:?}");
    }
}
