import CoordinatorCore
import CoordinatorService

/// The hooks, when each last spoke, and what the newest deliveries led to.
enum DeliverySection {
    private static let rows = 50

    static func page(_ api: APIContext) async throws -> Markup {
        let hooks = try await HookView.all(api)
        let deliveries = try await api.ports.store.deliveries(DeliveryFilter(), limit: rows)
            .map { DeliveryView($0) }
        return "<h1>Deliveries</h1>"
            + HTML.live(
                "hooks", "Hooks",
                HTML.table(
                    ["hook", "type", "path", "server", "last delivery", "state"],
                    hooks.map(row),
                    empty: "No hooks are configured: see <code>hooks</code> in coordinator.yml."))
            + HTML.live(
                "deliveries", "Newest deliveries",
                HTML.table(
                    ["#", "received", "hook", "change", "state", "builds", "outcome"],
                    deliveries.map(row), empty: "No hook has delivered anything yet."))
    }

    private static func row(_ hook: HookView) -> HTML.Row {
        let state = hook.lastDelivery.map { HTML.badge($0.state) }
        return HTML.Row(
            key: hook.name,
            cells: [
                "\(hook.name)", "\(hook.type)", "<code>\(hook.path)</code>", "\(hook.url ?? "")",
                hook.lastDelivery.map { HTML.time($0.receivedAt) } ?? "never",
                "\(state) \(hook.connection?.problem ?? hook.looks?.problem ?? "")",
            ])
    }

    private static func row(_ delivery: DeliveryView) -> HTML.Row {
        HTML.Row(
            key: "\(delivery.id)",
            cells: [
                "\(delivery.id)", HTML.time(delivery.receivedAt), "\(delivery.hook)",
                "\(delivery.title)", HTML.badge(delivery.state),
                "\(delivery.builds.joined(separator: ", "))", "\(delivery.outcome.prefix(300))",
            ])
    }
}
