//! stub
#[derive(Debug, Clone)]
pub struct Reflection;
impl Reflection {
    pub fn new(_: prost_reflect::DescriptorPool, _: Vec<String>) -> Self {
        Self
    }
    pub fn v1(&self) -> crate::proto::health::health_server::HealthServer<crate::health::Health> {
        unreachable!()
    }
    pub fn v1alpha(&self) -> crate::proto::health::health_server::HealthServer<crate::health::Health> {
        unreachable!()
    }
}
