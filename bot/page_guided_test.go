//go:build !release

package main

import (
	"testing"

	"rekey/internal/sandbox"
)

// TestPageMakesAKey plays a rotation whose keys people make: once click by
// click in the console and the inbox, once by the line that helps newcomers.
func TestPageMakesAKey(t *testing.T) {
	t.Parallel()
	v := guided(open(t, sandboxOptions{speed: 2})).visit()
	v.types("/rotate ANTHROPIC_API_KEY\r")
	v.reads("#channel-list .private", "started")
	v.click(".to-thread")
	v.reads("#thread-list", "A person has to make the new key for staging")
	v.sees("the name that was asked for, in the console's form", `document.querySelector("#console-form").elements.name.value.startsWith("rk_sandbox_staging_")`)
	v.photograph("console")
	v.click("#console-form button")
	v.reads("#copied", "Copied: the value of apikey_")
	v.click(`[data-paste="staging"]`)
	v.reads("#thread-list", "wrote it to staging")
	v.reads("#thread-list", "A person has to make the new key for production")
	v.appears(`[data-step="bring"]`)
	v.click(`[data-step="bring"]`)
	v.reads("#thread-list", "wrote it to production")
	v.appears(card)
	v.becomes(sandbox.Approver)
	v.clicks("white_check_mark")
	v.reads("#thread-list", "ANTHROPIC_API_KEY is rotated")
	v.sees("the archived keys in the console", `[...document.querySelectorAll("#texts .state")].filter((e) => e.textContent === "archived").length === 3`)
	v.reads("#failed", "0")
	v.exchanged()
}
