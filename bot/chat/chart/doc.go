// Package chart draws a watch: how long answers took, how many errors were
// counted, and what each look came to, over one axis of time.
//
// # The model
//
// [Of] turns a watch as it is stored into a [Model]: plain numbers and names,
// cut to what can be drawn, whatever the stored series hold. [Model.PNG] draws
// that, and [Model.Alt] says it in words, for those who do not see pictures.
//
//	answer time   lines per check that sees it, dashed: before the deployment
//	errors        lines per counting check, dashed: what the baseline expects
//	looks         a row per check and a sign per look: good, bad, nothing to
//	              judge, not answered, and a line in the log with this
//	              credential's own error
//
// Upright lines mark the deployment and the end of the old key, where they lie
// within the time shown.
//
// Signs differ by shape and not by colour alone. The background is opaque and
// light, so that a picture reads the same in Slack's light and dark themes.
//
// # What may run twice
//
// Everything: the same watch gives the same model, and drawing keeps nothing.
//
// The picture holds names of checks and numbers. It never holds the detail of a
// measurement, which may quote a log line.
package chart
