//go:build !release

package main

import (
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

// TestPageTrigger plays a rotation whose keys people make and end in a console
// that knows them by their last characters only, as the thread does.
func TestPageTrigger(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.JobsKey}, speed: 2})
	s.secret = app.JobsKey
	v := s.visit()
	v.types("/rotate TRIGGER_API_KEY\r")
	v.reads("#channel-list .private", "started")
	v.click(".to-thread")
	const at = `#consoles [data-key="TRIGGER_API_KEY"] `
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		v.reads("#thread-list", "A person has to make the new key for "+environment)
		v.sees("the name that is asked for, in the form", `document.querySelector('`+at+`form').elements.name.value.startsWith("rk_sandbox_`+environment+`_")`)
		v.click(at + "form button")
		v.reads(at+".note", "Copied: ")
		v.click(at + `.tools button:nth-child(` + map[string]string{sandbox.Staging: "1", sandbox.Production: "2"}[environment] + `)`)
		v.reads("#thread-list", "wrote it to "+environment)
	}
	v.appears(card)
	v.becomes(sandbox.Approver)
	v.clicks("white_check_mark")
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		old, _ := s.world.Trigger.Key(s.world.OldJobsKey(environment))
		last := old.Value[len(old.Value)-4:]
		v.reads("#thread-list", "A person has to end …"+last)
		v.click(at + `[data-end="` + last + `"]`)
		v.click("dialog[open] .danger")
	}
	v.reads("#thread-list", "TRIGGER_API_KEY is rotated")
	v.reads("#failed", "0")
	if own := s.ledger(s.secret); !own.oldsDead() || !s.newInUse(own) || s.inInboxes() > 0 {
		t.Errorf("at the end: old keys dead %t, new keys in use %t, %d values in inboxes", own.oldsDead(), s.newInUse(own), s.inInboxes())
	}
}
