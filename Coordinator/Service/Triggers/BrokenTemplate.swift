import CoordinatorCore

/// Shows beside a commit that its template cannot be built: there is no build whose state would be
/// shown, and the author looks there. What is due is remembered as that of builds is.
struct BrokenTemplate: Sendable {
    let ports: Ports

    private static let opening = "delivery "

    /// By which it is noted that it is due; `nil`: nothing of the delivery is broken.
    static func key(_ delivery: Delivery) -> String? {
        delivery.broken == nil ? nil : "\(opening)\(delivery.id)"
    }

    /// The delivery, if the key of an obligation is of one.
    static func delivery(ofKey key: String) -> Int? {
        key.hasPrefix(opening) ? Int(key.dropFirst(opening.count)) : nil
    }

    /// - Throws: `StatusFault`, `StoreError`
    func send(ofDelivery id: Int) async throws {
        guard let sender = ports.statusSender,
            let delivery = try await ports.store.delivery(id: id),
            let source = ports.hooks.first(where: { $0.name == delivery.hook }),
            let server = source.server, let token = source.token
        else { return }
        var refusal: StatusFault?
        for image in delivery.broken ?? [] where image.report < delivery.reports.count {
            let report = delivery.reports[image.report]
            if try await isBuilt(image.guestOS, report.commit, since: delivery) { continue }
            do {
                try await sender.send(
                    CommitStatus(broken: image.guestOS, image.why, in: report), to: source.kind,
                    server: server.url, token: token)
            } catch let fault as StatusFault where fault.isPermanent { refusal = fault }
        }
        if let refusal { throw refusal }
    }

    /// Whether it was mended elsewhere meanwhile, such as by a variable of the guest OS: the red of
    /// before must not cover the state of that build.
    private func isBuilt(
        _ guestOS: String, _ commit: String, since delivery: Delivery
    ) async throws -> Bool {
        try await ports.store.builds(BuildFilter(guestOS: guestOS), limit: ports.limits.pageRows)
            .contains {
                $0.plan.commit == commit && $0.plan.origin?.hook == delivery.hook
                    && $0.submittedMilliseconds >= delivery.receivedMilliseconds
            }
    }
}
