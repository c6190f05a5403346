// Package loki is a local Grafana Loki for the sandbox: it keeps log lines in
// memory and answers the part of the query API that a watch needs.
//
// # Model
//
// A line belongs to a stream, and a stream is its set of labels. A query
// selects streams by their labels and lines by their text, and either returns
// the lines or counts them over a range of time. A query that selects nothing
// answers with an empty result, never with zero: silence and health look
// different here, as they do in Loki.
//
// # What may run twice
//
// Everything: queries read, and a line pushed twice is two lines.
//
// What is understood of LogQL (https://grafana.com/docs/loki/latest/query/):
//
//	{app="shop", env=~"pro.*"} |= "a" != "b" |~ `re` !~ "re"
//	count_over_time(<the above> [1m])    rate(…)
//	sum(<either>)                        sum by (label, …) (<either>)
//
// Anything else is refused with 400 and a parse error as text, as Loki does.
// The package imports nothing of the product.
package loki
