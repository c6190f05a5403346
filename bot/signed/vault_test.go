package signed_test

import (
	"strings"
	"testing"
	"time"

	"rekey/bot/signed"
	"rekey/rotation"
)

// aboutVault is a rotation that asks whether the vault is closed: its old key is
// dead already.
func (g *rig) aboutVault() {
	r := g.engine.r
	r.Cell = rotation.Cell{Mode: rotation.Emergency, RevokeFirst: true, Shared: true}
	r.Ends = map[string]rotation.Ending{"": {ID: "key-old"}}
	allowed := *r.Card
	allowed.State = rotation.CardApproved
	r.Allowed = &allowed
	r.Card = &rotation.Card{Number: 2, Evidence: strings.Repeat("f", 64), State: rotation.CardOpen, About: rotation.AboutVault}
}

// TestVault: each of the two yeses to a request about the vault says which it is,
// and a plain approval is none: whoever signs one did not say what was asked.
func TestVault(t *testing.T) {
	for act, answer := range map[signed.Act]string{signed.VaultClosed: rotation.VaultIsClosed, signed.VaultNotLeak: rotation.VaultNotLeak} {
		t.Run(string(act), func(t *testing.T) {
			g := newRig(t)
			g.says(g.decides("bob", act), true, "does not ask about the vault")
			g.aboutVault()
			status := g.send(g.as("carol"), g.as("carol").Fresh(signed.Statement{Act: signed.Status}))
			if len(status.Requests) != 1 || !status.Requests[0].Takes(act) || status.Requests[0].Takes(signed.Approve) || !strings.Contains(status.Requests[0].Ways(), "rekey vault-not-leak FAL_KEY") {
				t.Errorf("%+v", status.Requests)
			}
			g.says(g.decides("bob", signed.Approve), true, "rekey vault-not-leak FAL_KEY")
			g.says(g.decides("carol", act), true, "not on the approver list")
			g.says(g.decides("alice", act), true, "whoever asked")
			g.says(g.decides("bob", act), false, "a new key made")
			m, err := g.desk.Signed(t.Context(), g.engine.r, 2)
			if err != nil || len(m) != 3 || !m[1].Yes || m[1].Answer != answer || m[1].Person.ID != "T0ACME/"+bob {
				t.Errorf("%v: %+v", err, m)
			}
			g.allow("alice", "carol") // whoever said so is not entitled any more
			if m, err = g.desk.Signed(t.Context(), g.engine.r, 2); err != nil || m[1].Standing.Member {
				t.Errorf("%v: %+v", err, m)
			}
			g.allow("alice", "bob")
			g.says(g.decides("bob", signed.Deny), false, "") // heard until a new key is written, though it was answered
			if got := g.counted(2); got.State != rotation.CardDenied {
				t.Errorf("a no after a yes: %+v", got)
			}
			g.engine.r.Places[rotation.Production] = rotation.Place{After: map[string]rotation.Held{"FAL_KEY": {Version: 2}}}
			g.says(g.decides("bob", signed.Deny), true, "approved already")
		})
	}
}

// counted is what a request comes to, as if nothing had been decided yet.
func (g *rig) counted(card int) rotation.Tally {
	g.Helper()
	c := *g.engine.r.CardOf(card)
	c.State = rotation.CardOpen
	m, err := g.desk.Ballot().Marks(g.Context(), g.engine.r, card)
	if err != nil {
		g.Fatal(err)
	}
	return g.engine.policy.Count(g.engine.r.Requester, c, m, time.Now())
}
