// Package loki measures an application by its log lines in Grafana Loki.
//
// # The model
//
// Three selections of lines, each a LogQL log query from the configuration:
// Query is what belongs to the application, Errors are its error lines,
// Requests are lines of which each is one request. They may hold the
// placeholder {{deployment}} and no other, so that the instances of the
// deployment under watch are counted and those being replaced are not. Where
// several deployments belong to a window, each is asked for by itself, and the
// counts are added up. A measurement counts, in this order,
//
//   - the lines of Query that match one of the credential's own signatures: a
//     single one is Bad and Hard, whatever else was seen;
//   - the lines of Errors: the measurement's value. Whether that many is bad is
//     for the caller to say, who knows the baseline;
//   - the lines of Requests: the positive signal, -1 where none are counted;
//   - the lines of Query, whatever they say. Without one the first count meant
//     nothing: nobody knows whether failures would have been seen there.
//
// Silence is not health: without errors and without requests (or, where those
// are not counted, without any line) there was nothing to judge, NoData. A
// Query without a line beside errors or requests is a selection that misses
// the application, by a typing error for one: an Error, never OK.
//
// # How lines are counted
//
// A log query answers with at most a hundred lines unless told otherwise, so
// lines are counted by the server:
//
//	GET /loki/api/v1/query_range?query=sum(count_over_time(<selection> [<window>]))
//
// asked for one point, at the end of the window
// (https://grafana.com/docs/loki/latest/reference/loki-http-api/). An empty
// result counts as none. Anything that is not wholly an answer (no connection,
// a status other than 200, a page of HTML, a redirect, members missing,
// warnings of partial data) is an Error and never a count of zero.
//
// # What may run twice
//
// Everything: measuring only reads, and any window can be measured again while
// the server retains it.
package loki
