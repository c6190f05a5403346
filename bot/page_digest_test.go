//go:build !release

package main

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rekey/internal/sandbox"
)

// announcingPage is a configuration with a digest at the start, which also has
// an admin credential to name that is about to expire.
func announcingPage(config string) string {
	soon := time.Now().Add(9 * 24 * time.Hour).Format(time.DateOnly)
	config = mustReplace(calm()(config), "fal-admin}", "fal-admin, expires: "+soon+"}")
	return config + "\nannounce: {cron: \"0 9 * * *\", zone: Europe/Berlin}\n"
}

// TestPageDigest: a person reads the digest, is asked before a click starts
// anything, puts a secret off, changes their mind, and starts the rotation.
func TestPageDigest(t *testing.T) {
	t.Parallel()
	v := open(t, sandboxOptions{adjust: announcingPage}).visit()
	const digest = `#channel-list .message:has([data-focus="` + rotateNow + `"])`
	v.reads("#channel-list", "Overdue")
	v.reads("#channel-list", "120 days old")
	v.reads("#channel-list", "what rotates FAL_KEY expires in 8 days")
	v.photograph("digest", scheme("light"), chromedp.EmulateViewport(1280, 800))
	v.photograph("digest-dark", scheme("dark"))
	v.photograph("digest-phone", scheme("light"), chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
	v.do(chromedp.EmulateViewport(1440, 900))

	v.reads("#guide", "Begin: rotate a key.") // a digest is no rotation

	v.becomes(sandbox.Colleague)
	v.click(digest + ` [data-focus="` + rotateNow + `"]`)
	v.reads("#confirm", "Rotate FAL_KEY now?")
	v.photograph("digest-sure")
	v.click("#confirm-yes")
	v.reads("#channel-list .private", "You are not on the list")

	v.becomes(sandbox.Requester)
	v.chooses(digest+` [data-focus="`+snoozeNow+`"]`, "for 7 days")
	v.reads("#channel-list .private", "FAL_KEY is snoozed")
	v.reads("#channel-list", "Since then: Snoozed by @ann")
	v.photograph("digest-snoozed")
	v.types("/rotate unsnooze FAL_KEY\r")
	v.reads("#channel-list .private", "is not snoozed any more")
	v.click(digest + ` [data-focus="` + rotateNow + `"]`)
	v.click("#confirm-yes")
	v.reads("#channel-list", "A rotation is open now")
	v.reads("#channel-list .private", "Rotation of FAL_KEY started")
	v.says("wrote it to staging") // a bot that ends amid that step leaves a key that nothing uses yet
}

// chooses takes a choice of a menu.
func (v *visitor) chooses(selector, label string) {
	v.Helper()
	v.appears(selector)
	v.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const menu = document.querySelector(` + "`" + selector + "`" + `);
		menu.value = [...menu.options].find((o) => o.textContent === "` + label + `").value;
		menu.dispatchEvent(new Event("change", { bubbles: true }));
	})()`))
}
