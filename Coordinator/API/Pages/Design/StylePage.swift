/// All parts that pages are made of, on one page: what changes the style sheet looks here first.
enum StylePage {
    private static let now: Int64 = 1_764_500_000_000

    static let body: Markup = """
        <h1>Style</h1>
        <p>Text, <a href="/style">a link</a>, <code>code</code>, <kbd>?</kbd> and a time,
        \(HTML.time(now)). <span class="soft">Soft words say what matters less.</span></p>
        <h2>Second heading <span class="count">12</span></h2><h3>Third heading</h3>
        <h2>States</h2><p>\(states)</p>
        <h2>Notes</h2>\(notes)
        <h2>Table</h2>\(table)
        <h2>Empty table</h2>\(HTML.table(["build"], [[Markup]](), empty: "No builds are queued."))
        <h2>Facts</h2>\(HTML.facts([("id", "<code>3f2a9c</code>"), ("reason", "weekly")]))
        <h2>Buttons</h2><p>\(HTML.action("Approve", post: "/style"))
        <button class="primary">Sign in</button> <button disabled>Refuse</button>
        <a class="button" href="/style">Open</a></p>
        <h2>Form</h2><form class="filter"><label>Actor <input name="actor"></label>
        <label>State <select name="state"><option>passed</option></select></label>
        <button>Filter</button></form>
        <h2>Meter</h2>\(HTML.meter(3, of: 8, "slots used"))
        <h2>Fault</h2><pre class="fault">E: Unable to locate package foo-bar</pre>
        <p class="problem" role="alert">The release was refused. Ask an administrator.</p>
        """

    private static let states = StateLook.allCases.map {
        HTML.badge("", $0.rawValue, $0)
    }.joined(" ")

    private static let notes: Markup = """
        <ul class="notes"><li class="bad">Host <b>kvm7</b> \(HTML.badge("unreachable")) no route
        <span class="remedy">Look: <code>aibuild doctor kvm7</code></span></li>
        <li class="warning">The certificate expires in 9 days</li></ul>
        """

    private static let table = HTML.table(
        ["build", "state", "ended"],
        [
            ["<a href=\"/style\">debian12:7</a>", HTML.badge("passed"), HTML.time(now)],
            ["<a href=\"/style\">ubuntu2404:31</a>", HTML.badge("failed"), HTML.time(now)],
        ], empty: "")
}
