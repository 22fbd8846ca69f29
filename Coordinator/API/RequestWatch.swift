import CoordinatorService
import HTTPTypes
import MetricsKit

/// Measures how long requests take, by their routes.
struct RequestWatch: Sendable {
    let metrics: Metrics

    private static let methods: Set = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

    func watched(
        _ admission: HTTPAdmission, of request: HTTPRequest, _ route: Router.Match?
    ) -> HTTPAdmission {
        let method = Self.methods.contains(request.method) ? request.method : "other"
        // A path that is none of ours may be anything.
        let pattern = route?.pattern ?? "none"
        switch admission {
        case .refused(let response):
            note(response, method, pattern, .zero)
            return admission
        case .served(let handler):
            return .served { request in
                // Not earlier: the time that a client takes to send its body is its own.
                let began = ContinuousClock.now
                let response = await handler(request)
                note(response, method, pattern, ContinuousClock.now - began)
                return response
            }
        }
    }

    private func note(
        _ response: HTTPResponse, _ method: String, _ pattern: String, _ time: Duration
    ) {
        metrics.observe(
            FarmMetric.httpDuration, [method, pattern, "\(response.status / 100)xx"],
            time / .seconds(1))
    }
}
