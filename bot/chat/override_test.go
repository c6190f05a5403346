package chat

import (
	"strings"
	"testing"

	"rekey/bot/chat/render"
	"rekey/rotation"
)

// TestTakingAProofOver: the button opens a modal, the reason and the fresh
// standing of whoever typed it go to the engine, and nothing that has gone on
// meanwhile is taken over.
func TestTakingAProofOver(t *testing.T) {
	l := newLive(t)
	l.run(t)
	l.liveCard(t)
	var r *rotation.Rotation
	l.engine.mu.Lock()
	for _, stored := range l.engine.all {
		stored.State, stored.Problem = rotation.Stuck, &rotation.Problem{Step: "prove(production)", What: "It could not be measured.", Untold: true}
		r = copied(stored)
	}
	l.engine.mu.Unlock()
	name := render.StopOf(r)
	if then, err := l.chat.takeOver(t.Context(), press{value: name, user: "U0BEN"}); err != nil || then == nil {
		t.Fatal(err)
	}
	m := render.OverrideModal(r)
	if m.PrivateMetadata != name || !strings.Contains(m.Title.Text, "without proof") {
		t.Errorf("%+v", m)
	}
	typed := func(private, words string) map[string]string {
		faults, then, err := l.chat.tookOver(t.Context(), submission{private: private, user: "U0BEN", values: map[string]string{render.ReasonBlock: words}})
		if err != nil {
			t.Fatal(err)
		}
		if then != nil {
			if err := then(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return faults
	}
	for words, private := range map[string]string{" ": name, "x": r.Key() + " watch", "y": "nonsense", "sk-ant-api03-" + strings.Repeat("aB3dE6gH", 12): name} {
		if faults := typed(private, words); faults[render.ReasonBlock] == "" || strings.Contains(faults[render.ReasonBlock], "sk-ant") {
			t.Errorf("%q on %q: %v", words, private, faults)
		}
	}
	typed(name, " its endpoint is off ")
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	if len(l.engine.overridden) != 1 {
		t.Fatalf("%+v", l.engine.overridden)
	}
	if o := l.engine.overridden[0]; o.Reason != "its endpoint is off" || o.By.ID != "T1/U0BEN" || !o.Standing.Member || !o.Standing.Approver || o.Step != "prove(production)" || o.Rotation != r.Key() {
		t.Errorf("%+v", o)
	}
}
