//go:build !release

package main

import (
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

// TestPageMakesAndDeletesAKey plays a rotation whose keys people make and
// delete in a dashboard: once click by click, once by the line that helps
// newcomers.
func TestPageMakesAndDeletesAKey(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.MemoryKey}, speed: 2})
	s.secret = app.MemoryKey
	v := s.visit()
	v.types("/rotate MEM0_API_KEY\r")
	v.reads("#channel-list .private", "started")
	v.click(".to-thread")
	v.reads("#thread-list", "A person has to make the new key for staging")
	v.sees("the name and the project, in the dashboard's form", `document.querySelector("#memory-form").elements.name.value.startsWith("rk_sandbox_staging_") && document.querySelector("#memory-form").elements.project.value === "proj_shop_staging"`)
	v.sees("nothing proposed at another service's console", `document.querySelector("#console-form").elements.name.value === ""`)
	v.click("#memory-form button")
	v.reads("#copied", "Copied: the value of")
	v.click(`[data-paste-memory="staging"]`)
	v.reads("#thread-list", "wrote it to staging")
	v.reads("#thread-list", "A person has to make the new key for production")
	v.appears(`[data-step="bring"]`)
	v.click(`[data-step="bring"]`)
	v.reads("#thread-list", "wrote it to production")
	v.appears(card)
	v.becomes(sandbox.Approver)
	v.clicks("white_check_mark")
	v.reads("#thread-list", "A person has to end")
	v.appears(`[data-step="end"]`)
	v.photograph("dashboard")
	old, _ := s.world.Mem0.Key(s.world.OldMemoryKey(sandbox.Staging))
	v.click(`[data-end="` + old.Value[len(old.Value)-4:] + `"]`)
	production, _ := s.world.Mem0.Key(s.world.OldMemoryKey(sandbox.Production))
	last := production.Value[len(production.Value)-4:]
	v.sees("the line offers production's", `document.querySelector('[data-step="end"]')?.textContent.includes("`+last+`")`)
	v.click(`[data-step="end"]`)
	v.reads("#thread-list", "MEM0_API_KEY is rotated")
	v.reads("#failed", "0")
	if own := s.ledger(s.secret); !own.oldsDead() || !s.newInUse(own) || s.inInboxes() > 0 {
		t.Errorf("at the end: old keys dead %t, new keys in use %t, %d values in inboxes", own.oldsDead(), s.newInUse(own), s.inInboxes())
	}
}
