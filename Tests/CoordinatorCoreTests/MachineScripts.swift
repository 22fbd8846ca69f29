enum MachineScripts {
    static let all = [
        """
        # The usual way, on a host that has the template
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        phase building -> note building [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        collected -> record publishing, publish [publishing]
        published -> settle passed with image and log [settled]
        """,
        """
        # The template goes first
        connected -> deliver template [dispatching]
        template delivered -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        """,
        """
        # The host threw the template away meanwhile
        connected, has the template -> start [dispatching]
        error templateMissing -> deliver template [dispatching]
        template delivered -> start [dispatching]
        """,
        """
        # A template fault
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        finished, template fault -> check log [checking]
        log matches -> settle packer.failed and log [settled]
        published -> nothing [settled]
        """,
        """
        # Tests: the image is here already, and moves once it passed
        resume test -> [dispatching]
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        finished, every test passed -> check log [checking]
        log matches -> record publishing, publish [publishing]
        host lost -> nothing [publishing]
        published -> settle passed with image and log, results of boots [settled]
        """,
        """
        # A test that failed
        resume test running -> [running]
        finished, a test failed -> check log [checking]
        log matches -> settle test.failed and log, results of boots [settled]
        """,
        """
        # Results of an attempt that was to build are nobody's
        resume running -> [running]
        finished, a test failed -> check log [checking]
        log matches -> settle test.failed and log [settled]
        """,
        """
        # It says that every test passed, and has no results
        resume test running -> [running]
        finished, passed -> check log [checking]
        log matches -> settle host.error and log [settled]
        """,
        """
        # Nobody wants the image that passes
        resume test running -> [running]
        connected, has the attempt -> follow [running]
        cancel -> send cancel [running]
        finished, every test passed -> check log [checking]
        log matches -> settle cancelled and log, results of boots [settled]
        """,
        """
        # It says that it passed, but there is no image
        resume running -> [running]
        finished, passed without an image -> check log [checking]
        log matches -> settle passed and log [settled]
        """,
        """
        # So quick that it ends before its first phase is heard of
        connected, has the template -> start [dispatching]
        finished, passed -> check log [checking]
        phase building -> nothing [checking]
        log matches -> record collecting, collect [collecting]
        """,
        """
        # The host has no room
        connected, has the template -> start [dispatching]
        error refused -> settle host.refused [settled]
        """,
        """
        # The agent cannot do it
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        error internal -> settle host.error [settled]
        """,
        """
        # Cuts, before and after the host has heard of it
        connected, has the template -> start [dispatching]
        disconnected -> nothing [dispatching]
        connected, has the template -> start [dispatching]
        disconnected -> nothing [dispatching]
        connected, has the attempt -> follow [running]
        disconnected -> nothing [running]
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        disconnected -> nothing [checking]
        log matches -> record collecting, collect [collecting]
        disconnected -> nothing [collecting]
        connected, has the attempt -> nothing [collecting]
        collected -> record publishing, publish [publishing]
        disconnected -> nothing [publishing]
        published -> settle passed with image and log [settled]
        """,
        """
        # The host comes back without the attempt that it had begun
        resume running -> [running]
        connected, has the template -> settle host.lost [settled]
        """,
        """
        # The host does not come back
        resume running -> [running]
        disconnected -> nothing [running]
        host lost -> settle host.lost [settled]
        connected, has the attempt -> nothing [settled]
        finished, passed -> nothing [settled]
        """,
        """
        # The log differs: fetched again, three times, then it is the host's fault
        resume running -> [running]
        finished, passed -> check log [checking]
        log differs -> reset log, follow [running]
        finished, passed -> check log [checking]
        log differs -> reset log, follow [running]
        disconnected -> nothing [running]
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        log differs -> reset log, follow [running]
        finished, passed -> check log [checking]
        log differs -> settle log.mismatch and log [settled]
        """,
        """
        # The end comes before the whole log: it is asked for again, as often as it takes
        resume running -> [running]
        finished, passed -> check log [checking]
        log incomplete -> follow [running]
        finished, passed -> check log [checking]
        log incomplete -> follow [running]
        finished, passed -> check log [checking]
        log incomplete -> follow [running]
        finished, passed -> check log [checking]
        log incomplete -> follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        """,
        """
        # Once the log has come intact, it goes on as usual
        resume running -> [running]
        finished, passed -> check log [checking]
        log differs -> reset log, follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        """,
        """
        # Cancelled while the host is away: it ends now, the fence does the rest
        connected, has the template -> start [dispatching]
        disconnected -> nothing [dispatching]
        cancel -> settle cancelled [settled]
        """,
        """
        # Cancelled before the host was ever reached
        cancel -> settle cancelled [settled]
        """,
        """
        # Cancelled while it runs
        connected, has the attempt -> follow [running]
        cancel -> send cancel [running]
        finished, cancelled -> check log [checking]
        log matches -> settle cancelled and log [settled]
        """,
        """
        # Cancelled while the template is on its way: said again once the host has it
        connected -> deliver template [dispatching]
        cancel -> send cancel [dispatching]
        error unknownAttempt -> nothing [dispatching]
        template delivered -> start [dispatching]
        phase accepted -> note accepted, follow, send cancel [running]
        finished, cancelled -> check log [checking]
        log matches -> settle cancelled and log [settled]
        """,
        """
        # The connection goes after the wish: nothing to wait for
        connected, has the attempt -> follow [running]
        cancel -> send cancel [running]
        disconnected -> settle cancelled [settled]
        """,
        """
        # The wish comes too late for the host, and still wins over the image
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        cancel -> nothing [checking]
        log matches -> settle cancelled and log [settled]
        """,
        """
        # A fault that was there before the wish is still told
        connected, has the attempt -> follow [running]
        finished, template fault -> check log [checking]
        cancel -> nothing [checking]
        log matches -> settle packer.failed and log [settled]
        """,
        """
        # Cancelled while the image is pulled
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        cancel -> settle cancelled and log [settled]
        collected -> nothing [settled]
        """,
        """
        # Cancelled while the image is published
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        collected -> record publishing, publish [publishing]
        cancel -> settle cancelled and log [settled]
        published -> nothing [settled]
        """,
        """
        # The host goes for good while its image is published: nothing of it is needed any more
        resume running -> [running]
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        collected -> record publishing, publish [publishing]
        host lost -> nothing [publishing]
        published -> settle passed with image and log [settled]
        """,
        """
        # A restarted coordinator, whose attempt was to be cancelled
        resume running, cancelled -> [running]
        connected, has the attempt -> follow, send cancel [running]
        finished, cancelled -> check log [checking]
        log matches -> settle cancelled and log [settled]
        """,
        """
        # A restarted coordinator, whose start may not have been heard
        resume dispatching -> [dispatching]
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        """,
        """
        # The same, cancelled: nothing runs, so it ends
        resume dispatching, cancelled -> [dispatching]
        connected, has the template -> settle cancelled [settled]
        """,
        """
        # The same, cancelled, and the host has it
        resume dispatching, cancelled -> [dispatching]
        connected, has the attempt -> follow, send cancel [running]
        """,
        """
        # Everything twice does no harm
        connected, has the template -> start [dispatching]
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        phase accepted -> note accepted [running]
        template delivered -> nothing [running]
        finished, passed -> check log [checking]
        finished, passed -> nothing [checking]
        log matches -> record collecting, collect [collecting]
        log matches -> nothing [collecting]
        finished, passed -> nothing [collecting]
        collected -> record publishing, publish [publishing]
        collected -> nothing [publishing]
        published -> settle passed with image and log [settled]
        published -> nothing [settled]
        cancel -> nothing [settled]
        """,
    ]

    /// What each event does in each stage; a pair that is missing does nothing.
    static let table = """
        dispatching: connected -> deliver template [dispatching]
        dispatching: connected, has the template -> start [dispatching]
        dispatching: connected, has the attempt -> follow [running]
        dispatching: template delivered -> start [dispatching]
        dispatching: phase accepted -> note accepted, follow [running]
        dispatching: phase building -> note building, follow [running]
        dispatching: error templateMissing -> deliver template [dispatching]
        dispatching: error refused -> settle host.refused [settled]
        dispatching: error internal -> settle host.error [settled]
        dispatching: finished, passed -> check log [checking]
        dispatching: finished, passed without an image -> check log [checking]
        dispatching: finished, template fault -> check log [checking]
        dispatching: finished, cancelled -> check log [checking]
        dispatching: host lost -> settle host.lost [settled]
        dispatching: superseded -> give way [settled]
        dispatching: cancel -> settle cancelled [settled]
        running: connected -> settle host.lost [settled]
        running: connected, has the template -> settle host.lost [settled]
        running: connected, has the attempt -> follow [running]
        running: phase accepted -> note accepted [running]
        running: phase building -> note building [running]
        running: error unknownAttempt -> settle host.lost [settled]
        running: error internal -> settle host.error [settled]
        running: finished, passed -> check log [checking]
        running: finished, passed without an image -> check log [checking]
        running: finished, template fault -> check log [checking]
        running: finished, cancelled -> check log [checking]
        running: host lost -> settle host.lost [settled]
        running: superseded -> give way [settled]
        running: cancel -> settle cancelled [settled]
        checking: log incomplete -> follow [running]
        checking: log matches -> record collecting, collect [collecting]
        checking: log differs -> reset log, follow [running]
        checking: host lost -> settle host.lost and log [settled]
        checking: superseded -> give way [settled]
        collecting: collected -> record publishing, publish [publishing]
        collecting: host lost -> settle host.lost and log [settled]
        collecting: superseded -> give way [settled]
        collecting: cancel -> settle cancelled and log [settled]
        publishing: published -> settle passed with image and log [settled]
        publishing: superseded -> give way [settled]
        publishing: cancel -> settle cancelled and log [settled]
        """
}
