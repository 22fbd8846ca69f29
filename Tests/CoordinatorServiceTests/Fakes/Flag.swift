/// Raised once.
actor Flag {
    private(set) var isUp = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func raise() {
        isUp = true
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    func wait() async {
        if isUp { return }
        await withCheckedContinuation { waiters.append($0) }
    }
}
