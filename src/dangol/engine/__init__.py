"""What turns the loop by itself: leases, Route, Live, jobs and the schedule."""
