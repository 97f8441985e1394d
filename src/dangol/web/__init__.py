"""What people meet over HTTP: tracking, REST, the customers' pages and the team's desk."""
