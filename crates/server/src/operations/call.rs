//! A call of an operation: who calls, with which checked request.

use std::sync::Arc;

use farmtally_service::{Caller, ClientCall, Service};
use farmtally_wire::{CheckedRequest, Labels, Operation, Received};

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;

/// Everything that an operation needs.
pub(super) struct Call<'a> {
    pub(super) service: &'a Arc<Service>,
    pub(super) caller: &'a Caller,
    pub(super) request: CheckedRequest,
    operation: Operation,
}

impl<'a> Call<'a> {
    /// Checks a request by the rules of the service model.
    pub(super) fn read(
        operation: Operation,
        service: &'a Arc<Service>,
        request: &'a VerifiedRequest,
        labels: &Labels,
    ) -> Result<Self, Refusal> {
        let received = Received {
            labels,
            raw_query: request.raw_query(),
            client_token: request.client_token(),
            body: request.body(),
        };
        let checked = CheckedRequest::read(operation, &received)?;
        Ok(Self { service, caller: request.caller(), request: checked, operation })
    }

    /// The call as something that is done once, if the client gave it a token.
    pub(super) fn once(&self, token: Option<&str>) -> Option<ClientCall> {
        let token = token?;
        let access_key_id = &self.caller.access_key_id;
        let operation = self.operation.name();
        Some(ClientCall {
            access_key_id: access_key_id.clone(),
            operation,
            token: token.to_owned(),
            content: farmtally_service::retry_key(
                access_key_id,
                token,
                operation,
                self.request.content().as_bytes(),
            ),
        })
    }
}
