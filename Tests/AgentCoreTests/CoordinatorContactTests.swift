import AgentCore
import Testing

@Suite("Contact with a coordinator") struct CoordinatorContactTests {
    @Test("A session after one that ended leaves a gap between them") func ended() {
        var contact = CoordinatorContact()
        #expect(contact.follows(1, unixMilliseconds: 1_000) == nil)
        #expect(contact.follows(1, unixMilliseconds: 2_000) == nil)
        contact.ended(1, unixMilliseconds: 5_000)
        let gap = contact.follows(2, unixMilliseconds: 47_000)
        #expect(gap == ContactGap(lostUnixMilliseconds: 5_000, backUnixMilliseconds: 47_000))
        #expect(
            gap?.words
                == "the connection to the coordinator was lost at 00:00:05 UTC and came back at "
                + "00:00:47 UTC; the build continued, and no output is missing")
    }

    @Test("A connection that was cut is lost from its last word on, however late it ends")
    func cut() {
        for ended in [nil, Int64(500_000)] {
            var contact = CoordinatorContact()
            _ = contact.follows(1, unixMilliseconds: 1_000)
            contact.heard(1, unixMilliseconds: 11_000)
            if let ended { contact.ended(1, unixMilliseconds: ended) }
            let gap = contact.follows(2, unixMilliseconds: 600_000)
            #expect(gap?.lostUnixMilliseconds == 11_000)
        }
    }

    @Test("A coordinator that takes over from a living one leaves no gap") func takesOver() {
        var contact = CoordinatorContact()
        _ = contact.follows(1, unixMilliseconds: 1_000)
        contact.heard(1, unixMilliseconds: 11_000)
        #expect(contact.follows(2, unixMilliseconds: 20_000) == nil)
        // What the old one does no longer matters.
        contact.ended(1, unixMilliseconds: 21_000)
        contact.heard(2, unixMilliseconds: 30_000)
        #expect(contact.follows(3, unixMilliseconds: 40_000) == nil)
    }
}
