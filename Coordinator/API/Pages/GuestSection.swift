import TextKit

/// What was observed of the guests of a build's attempts: the last screen, the serial console. All
/// of it is untrusted.
enum GuestSection {
    static func body(_ detail: BuildDetailView) -> Markup {
        detail.attempts.compactMap { attempt in
            attempt.guest.map { section($0, attempt.ordinal) }
        }.joined()
    }

    static func section(_ guest: GuestView, _ ordinal: Int) -> Markup {
        let words = ([guest.summary] + guest.notes).filter { !$0.isEmpty }
        let screen = guest.screenshot.map { place -> Markup in
            "<p><a href=\"\(place)\"><img src=\"\(place)\" alt=\"the guest's last screen\"></a></p>"
        }
        let serial = guest.serialTail.flatMap { text -> Markup? in
            guard !text.isEmpty else { return nil }
            return "<h3>Serial console</h3><pre tabindex=\"0\" role=\"region\" "
                + "aria-label=\"Serial console\">\(TerminalLine.plain(text))</pre>"
        }
        return """
            <section class="guest"><h2>Guest of attempt \(ordinal)</h2>
            \(words.map { word -> Markup in "<p>\(word)</p>" }.joined())\(screen)\(serial)</section>
            """
    }
}
