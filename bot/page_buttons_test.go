//go:build !release

package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// asking is a thread open at its request, for whoever acts then.
func (v *visitor) asking(command string) {
	v.Helper()
	v.becomes(sandbox.Requester)
	v.types(command + "\r")
	v.reads("#channel-list .private", "Retry noted")
	v.appears(card + ` [data-focus="` + approveButton + `"]`)
}

// button is one of the request's in the open thread.
func button(id string) string { return card + ` [data-focus="` + id + `"]` }

// decides clicks a button of the request, which is kept in the middle of the
// thread meanwhile: at its end the way to the newest message may lie above it.
func (v *visitor) decides(id string) {
	v.Helper()
	const hold = `window.held = setInterval(() => document.querySelector(%q)?.scrollIntoView({ block: "center" }), 50)`
	v.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(hold, button(id))))
	v.click(button(id))
	v.do(chromedp.Evaluate[chromedp.Void]("clearInterval(window.held)"))
}

// writes fills the field of the modal.
func (v *visitor) writes(text string) {
	v.Helper()
	const box = `#modal [data-block="` + reasonField + `"]`
	v.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => { const box = document.querySelector(%q); box.focus(); box.select(); })()`, box)), chromedp.KeyEvent(text))
	v.sees("what was typed", fmt.Sprintf("document.querySelector(%q).value === %q", box, text))
}

// TestPageDeniesByModalAndApprovesByButton plays both ways to decide by a click:
// a modal that asks why, and a question before what cannot be undone.
func TestPageDeniesByModalAndApprovesByButton(t *testing.T) {
	t.Parallel()
	v := open(t, sandboxOptions{speed: 2}).visit()
	v.types("/rotate FAL_KEY\r")
	v.reads("#channel-list .private", "started")
	v.click(".to-thread")
	v.appears(button(denyButton))

	v.becomes(sandbox.Second)
	v.decides(denyButton)
	v.appears("#modal")
	v.reads("#modal", "Denying request 1 keeps the old FAL_KEY")
	v.photograph("modal")
	v.click("#modal-close")
	v.vanishes("#modal")
	v.until("nothing is open", func(now slack.Snapshot) bool { return len(now.Views) == 0 })

	v.decides(denyButton)
	v.appears("#modal")
	v.click("#modal-submit") // the browser asks for the field, as Slack's client does
	v.writes("   ")
	v.click("#modal-submit")
	v.reads("#modal .wrong", "Say why in a few words")
	v.photograph("modal-wrong")
	v.writes("a release is going out")
	v.click("#modal-submit")
	v.vanishes("#modal")
	v.reads("#thread-list", "Reason: “a release is going out”")
	v.scene.becomes(rotation.Pending)
	v.kept()

	v.asking("/rotate retry FAL_KEY")
	v.becomes(sandbox.Approver)
	v.decides(approveButton)
	v.appears("#confirm")
	v.reads("#confirm", "This cannot be undone.")
	v.photograph("confirm-approve", v.toCard())
	v.click("#confirm-no")
	v.vanishes("#confirm")
	v.kept()
	v.decides(approveButton)
	v.appears("#confirm")
	v.click("#confirm-yes")
	v.reads("#thread-list", "The old key is dead")
	v.finishes("U0BEN")
	v.by("button")
	v.sees("no button of a request", `!document.querySelector('#thread-list [data-focus^="rekey/1/"]')`)
}
