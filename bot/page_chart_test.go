//go:build !release

package main

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
)

// inThread shows the last element that a selector finds in the thread.
func (v *visitor) inThread(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(` + strconv.Quote("#thread-list "+selector) + `)].at(-1).scrollIntoView({ block: "end" })`)
}

// TestPageShowsTheWatch follows a watch on the page: its message changes in
// place, its chart appears with a description and opens larger.
func TestPageShowsTheWatch(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{speed: 1, adjust: quick("window", "6s", "interval", "400ms", "ingest_delay", "400ms, min_requests: 3", "hold", "2s")})
	s.calm = true // people help a watch that a stalled machine could not make
	v := s.visit()
	v.sees("traffic, for a baseline", `Number(document.querySelector("#requests").textContent.replace(/\D/g, "")) > 200`)
	v.types("/rotate FAL_KEY\r")
	v.reads("#channel-list .private", "started")
	v.click(".to-thread")
	v.reads("#thread-list .message:not(:first-child):has(.edited)", "So far:")
	v.photograph("watch", v.inThread(".message:has(.edited)"))
	asked := v.card(1)

	const picture = "#thread-list .b-picture"
	v.appears(picture)
	loaded := fmt.Sprintf(`((i) => i?.complete && i.naturalWidth === 1200 && i.alt.includes("looks were good"))(document.querySelector(%q))`, picture+" img")
	v.sees("the chart", loaded)
	v.photograph("chart-light", v.inThread(".file"))
	v.photograph("chart-dark", scheme("dark"))
	v.click(picture)
	v.appears("#picture")
	v.reads("#picture-alt", "passed")
	v.photograph("chart-large")
	v.click("#picture button")
	v.vanishes("#picture")
	v.photograph("chart-phone", scheme("light"), chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)), v.inThread(".file"))
	v.do(chromedp.EmulateViewport(1440, 900))

	v.react(sandbox.Approver, asked, yes)
	v.finishes(sandbox.Approver)
	v.until("the second chart is there", func(now slack.Snapshot) bool { return len(charts(now)) == 2 })
	v.sees("both charts", `document.querySelectorAll("#thread-list .b-picture").length === 2`)
	v.keepsPictures()
}

// keepsPictures writes the charts themselves beside the screenshots.
func (v *visitor) keepsPictures() {
	v.Helper()
	for i, m := range charts(v.slack.Snapshot()) {
		f, _ := v.slack.File(m.Files[0].ID)
		v.keep(fmt.Sprintf("chart-%d", i+1), f.Bytes())
	}
}
