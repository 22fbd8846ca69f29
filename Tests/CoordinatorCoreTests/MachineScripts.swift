enum MachineScripts {
    static let all = [
        """
        # The normal case, on a host that has the template
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        phase building -> note building [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        collected -> record publishing, publish [publishing]
        published -> end passed with image and log [ended]
        """,
        """
        # The template is delivered first
        connected -> deliver template [dispatching]
        template delivered -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        """,
        """
        # The host has deleted the template meanwhile
        connected, has the template -> start [dispatching]
        error templateMissing -> deliver template [dispatching]
        template delivered -> start [dispatching]
        """,
        """
        # A template fault
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        finished, template fault -> check log [checking]
        log matches -> end packer.failed and log [ended]
        published -> nothing [ended]
        """,
        """
        # Tests: the image is here already, and moves once it has passed
        resume test -> [dispatching]
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        finished, every test passed -> check log [checking]
        log matches -> record publishing, publish [publishing]
        host lost -> nothing [publishing]
        published -> end passed with image and log, results of boots [ended]
        """,
        """
        # An image that is not for publication stays where it was built
        resume unpublished test running -> [running]
        finished, every test passed -> check log [checking]
        log matches -> end passed and log, results of boots [ended]
        """,
        """
        # A test that failed
        resume test running -> [running]
        finished, a test failed -> check log [checking]
        log matches -> end test.failed and log, results of boots [ended]
        """,
        """
        # Results of a build attempt are dropped
        resume running -> [running]
        finished, a test failed -> check log [checking]
        log matches -> end test.failed and log [ended]
        """,
        """
        # The agent reports that every test passed, but has no results
        resume test running -> [running]
        finished, passed -> check log [checking]
        log matches -> end host.error and log [ended]
        """,
        """
        # The image passes but is no longer wanted
        resume test running -> [running]
        connected, has the attempt -> follow [running]
        cancel -> send cancel [running]
        finished, every test passed -> check log [checking]
        log matches -> end cancelled and log, results of boots [ended]
        """,
        """
        # The agent reports that it passed, but there is no image
        resume running -> [running]
        finished, passed without an image -> check log [checking]
        log matches -> end passed and log [ended]
        """,
        """
        # It ends before its first phase is received
        connected, has the template -> start [dispatching]
        finished, passed -> check log [checking]
        phase building -> nothing [checking]
        log matches -> record collecting, collect [collecting]
        """,
        """
        # The host has no room
        connected, has the template -> start [dispatching]
        error refused -> end host.refused [ended]
        """,
        """
        # The agent fails
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        error internal -> end host.error [ended]
        """,
        """
        # Interruptions, before and after the host has received it
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
        published -> end passed with image and log [ended]
        """,
        """
        # The host comes back without the attempt that it had started
        resume running -> [running]
        connected, has the template -> end host.lost [ended]
        """,
        """
        # The host does not come back
        resume running -> [running]
        disconnected -> nothing [running]
        host lost -> end host.lost [ended]
        connected, has the attempt -> nothing [ended]
        finished, passed -> nothing [ended]
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
        log differs -> end log.mismatch and log [ended]
        """,
        """
        # The end comes before the whole log: the rest is requested as often as necessary
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
        # Once the log is intact, it continues as usual
        resume running -> [running]
        finished, passed -> check log [checking]
        log differs -> reset log, follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        """,
        """
        # Cancelled while the host is unreachable: it ends now, the fence does the rest
        connected, has the template -> start [dispatching]
        disconnected -> nothing [dispatching]
        cancel -> end cancelled [ended]
        """,
        """
        # Cancelled before the host was ever connected
        cancel -> end cancelled [ended]
        """,
        """
        # Cancelled while it runs
        connected, has the attempt -> follow [running]
        cancel -> send cancel [running]
        finished, cancelled -> check log [checking]
        log matches -> end cancelled and log [ended]
        """,
        """
        # Cancelled while the template is being delivered: sent again once the host has it
        connected -> deliver template [dispatching]
        cancel -> send cancel [dispatching]
        error unknownAttempt -> nothing [dispatching]
        template delivered -> start [dispatching]
        phase accepted -> note accepted, follow, send cancel [running]
        finished, cancelled -> check log [checking]
        log matches -> end cancelled and log [ended]
        """,
        """
        # The connection is lost after the cancel request: nothing to wait for
        connected, has the attempt -> follow [running]
        cancel -> send cancel [running]
        disconnected -> end cancelled [ended]
        """,
        """
        # The cancel request reaches the host too late, and still outweighs the image
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        cancel -> nothing [checking]
        log matches -> end cancelled and log [ended]
        """,
        """
        # A fault before the cancel request is still reported
        connected, has the attempt -> follow [running]
        finished, template fault -> check log [checking]
        cancel -> nothing [checking]
        log matches -> end packer.failed and log [ended]
        """,
        """
        # Cancelled while the image is pulled
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        cancel -> end cancelled and log [ended]
        collected -> nothing [ended]
        """,
        """
        # Cancelled while the image is published
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        collected -> record publishing, publish [publishing]
        cancel -> end cancelled and log [ended]
        published -> nothing [ended]
        """,
        """
        # The host is lost while its image is published: it is no longer needed
        resume running -> [running]
        connected, has the attempt -> follow [running]
        finished, passed -> check log [checking]
        log matches -> record collecting, collect [collecting]
        collected -> record publishing, publish [publishing]
        host lost -> nothing [publishing]
        published -> end passed with image and log [ended]
        """,
        """
        # A restarted coordinator, with a cancel request for the attempt
        resume running, cancelled -> [running]
        connected, has the attempt -> follow, send cancel [running]
        finished, cancelled -> check log [checking]
        log matches -> end cancelled and log [ended]
        """,
        """
        # A restarted coordinator, whose start may not have been received
        resume dispatching -> [dispatching]
        connected, has the template -> start [dispatching]
        phase accepted -> note accepted, follow [running]
        """,
        """
        # The same, cancelled: nothing runs, so it ends
        resume dispatching, cancelled -> [dispatching]
        connected, has the template -> end cancelled [ended]
        """,
        """
        # The same, cancelled, and the host has it
        resume dispatching, cancelled -> [dispatching]
        connected, has the attempt -> follow, send cancel [running]
        """,
        """
        # Every event twice does no harm
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
        published -> end passed with image and log [ended]
        published -> nothing [ended]
        cancel -> nothing [ended]
        """,
    ]

    /// The effects of each event in each stage; a missing pair has none.
    static let table = """
        dispatching: connected -> deliver template [dispatching]
        dispatching: connected, has the template -> start [dispatching]
        dispatching: connected, has the attempt -> follow [running]
        dispatching: template delivered -> start [dispatching]
        dispatching: phase accepted -> note accepted, follow [running]
        dispatching: phase building -> note building, follow [running]
        dispatching: error templateMissing -> deliver template [dispatching]
        dispatching: error refused -> end host.refused [ended]
        dispatching: error internal -> end host.error [ended]
        dispatching: finished, passed -> check log [checking]
        dispatching: finished, passed without an image -> check log [checking]
        dispatching: finished, template fault -> check log [checking]
        dispatching: finished, cancelled -> check log [checking]
        dispatching: host lost -> end host.lost [ended]
        dispatching: superseded -> relinquish [ended]
        dispatching: cancel -> end cancelled [ended]
        dispatching: evict -> end host.refused [ended]
        running: connected -> end host.lost [ended]
        running: connected, has the template -> end host.lost [ended]
        running: connected, has the attempt -> follow [running]
        running: phase accepted -> note accepted [running]
        running: phase building -> note building [running]
        running: error unknownAttempt -> end host.lost [ended]
        running: error internal -> end host.error [ended]
        running: finished, passed -> check log [checking]
        running: finished, passed without an image -> check log [checking]
        running: finished, template fault -> check log [checking]
        running: finished, cancelled -> check log [checking]
        running: host lost -> end host.lost [ended]
        running: superseded -> relinquish [ended]
        running: cancel -> end cancelled [ended]
        running: evict -> end host.refused [ended]
        checking: log incomplete -> follow [running]
        checking: log matches -> record collecting, collect [collecting]
        checking: log differs -> reset log, follow [running]
        checking: host lost -> end host.lost and log [ended]
        checking: superseded -> relinquish [ended]
        collecting: collected -> record publishing, publish [publishing]
        collecting: host lost -> end host.lost and log [ended]
        collecting: superseded -> relinquish [ended]
        collecting: cancel -> end cancelled and log [ended]
        publishing: published -> end passed with image and log [ended]
        publishing: superseded -> relinquish [ended]
        publishing: cancel -> end cancelled and log [ended]
        """
}
