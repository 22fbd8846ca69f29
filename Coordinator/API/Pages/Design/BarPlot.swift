/// Numbers of builds in their order, as bars. Drawn by attributes alone: a page's policy allows no
/// inline style.
struct BarPlot {
    struct Bar {
        /// `nil`: there is none, and the place stays empty.
        var value: Double?
        var text, label: String
        var look: StateLook
    }

    var title: String
    var bars: [Bar]

    private static let height = 64
    private static let step = 14

    var svg: Markup {
        let highest = max(bars.compactMap(\.value).max() ?? 0, 1e-9)
        let drawn = bars.enumerated().map { index, bar -> Markup in
            guard let value = bar.value else { return .none }
            let tall = max(2, Int((value / highest * Double(Self.height)).rounded()))
            return "<rect class=\"\(bar.look.rawValue)\" x=\"\(index * Self.step)\" "
                + "y=\"\(Self.height - tall)\" width=\"\(Self.step - 3)\" height=\"\(tall)\">"
                + "<title>\(bar.label): \(bar.text)</title></rect>"
        }
        let width = bars.count * Self.step
        return """
            <figure class="plot"><figcaption>\(title): \(summary)</figcaption>
            <svg viewBox="0 0 \(width) \(Self.height)" width="\(width)" height="\(Self.height)"
            role="img" aria-label="\(title): \(summary)">\(drawn.joined())</svg></figure>
            """
    }

    /// What the plot says, for those who do not see it.
    private var summary: String {
        guard let last = bars.last(where: { $0.value != nil }) else { return "none is known" }
        let usual = bars.filter { $0.value != nil }.sorted { ($0.value ?? 0) < ($1.value ?? 0) }
        return "last \(last.text), usually \(usual[usual.count / 2].text)"
    }
}
