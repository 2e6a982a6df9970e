//! stub
#[derive(Debug, Clone)]
pub struct Health;
#[derive(Debug, Clone)]
pub struct H;
#[tonic::async_trait]
impl crate::proto::health::health_server::Health for H {
    type WatchStream = tokio_stream::wrappers::ReceiverStream<
        Result<crate::proto::health::HealthCheckResponse, tonic::Status>,
    >;
    async fn check(
        &self,
        _: tonic::Request<crate::proto::health::HealthCheckRequest>,
    ) -> Result<tonic::Response<crate::proto::health::HealthCheckResponse>, tonic::Status> {
        unreachable!()
    }
    async fn list(
        &self,
        _: tonic::Request<crate::proto::health::HealthListRequest>,
    ) -> Result<tonic::Response<crate::proto::health::HealthListResponse>, tonic::Status> {
        unreachable!()
    }
    async fn watch(
        &self,
        _: tonic::Request<crate::proto::health::HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, tonic::Status> {
        unreachable!()
    }
}
impl Health {
    pub fn service(&self) -> crate::proto::health::health_server::HealthServer<H> {
        unreachable!()
    }
    pub fn drain(&self) {}
    pub fn close(&self) {}
}
