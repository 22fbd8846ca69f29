import CoordinatorCore

extension Deliveries {
    /// Submits the build that a message requests.
    func handle(_ request: BuildRequest, of delivery: Delivery) async throws {
        var ended = delivery
        do {
            let build = try await requests.submit(request, of: delivery)
            ended.builds = ["\(build.guestOS):\(build.number)"]
        } catch let error where Self.isOfDelivery(error) {
            guard RequestTrigger.isForGood(error) else { return try await retry(delivery, error) }
            return try await end(delivery, .failed, "\(error)")
        }
        try await end(ended, .handled, "")
    }
}
