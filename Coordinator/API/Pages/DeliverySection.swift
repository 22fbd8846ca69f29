import CoordinatorCore
import CoordinatorService

/// The hooks, when each last spoke, and what the newest deliveries led to.
enum DeliverySection {
    private static let rows = 50

    static func page(_ api: APIContext) async throws -> String {
        let hooks = try await HookView.all(api).map { view in
            [
                HTML.escape(view.name), HTML.escape(view.type), HTML.escape(view.path),
                HTML.escape(view.url ?? ""),
                view.lastDelivery.map { HTML.time($0.receivedAt) } ?? "never",
                (view.lastDelivery.map { HTML.badge($0.state) } ?? "")
                    + HTML.escape(view.connection?.problem ?? view.looks?.problem ?? ""),
            ]
        }
        let deliveries = try await api.ports.store.deliveries(DeliveryFilter(), limit: rows)
            .map { DeliveryView($0) }
        return "<h1>Hooks</h1>"
            + HTML.table(
                ["hook", "type", "path", "server", "last delivery", "state"], hooks,
                empty: "No hooks are configured: see <code>hooks</code> in coordinator.yml.")
            + "<h1>Deliveries</h1>"
            + HTML.table(
                ["#", "received", "hook", "change", "state", "builds", "outcome"],
                deliveries.map { view in
                    [
                        "\(view.id)", HTML.time(view.receivedAt), HTML.escape(view.hook),
                        HTML.escape(view.title), HTML.badge(view.state),
                        HTML.escape(view.builds.joined(separator: ", ")),
                        HTML.escape(view.outcome.prefix(300)),
                    ]
                }, empty: "No hook has delivered anything yet.")
    }
}
