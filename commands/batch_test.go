package commands

import (
	"context"
	"strings"
	"testing"
	"time"

	"rekey/rotation"
)

// progress is a batch with a secret at every stand.
func progress(tag string) *rotation.Progress {
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	b := &rotation.Batch{ID: "k3v9q2m7xb", Requester: anna, Reason: "a laptop was stolen", Tag: tag, Started: at, Members: []rotation.Member{
		{Secret: "FAL_KEY", Title: "fal.ai", Begun: true}, {Secret: "JWT_SECRET", Title: "Supabase", Begun: true},
		{Secret: "ANTHROPIC_API_KEY", Title: "Anthropic", After: []string{"FAL_KEY"}, Beside: []string{"FAL_KEY", "JWT_SECRET"}, Why: "Waits for FAL_KEY."},
		{Secret: "NEXT_PUBLIC_HELIUS_RPC_URL", Title: "Helius", Refused: true, Why: "Nobody answers."},
	}}
	p := &rotation.Progress{Batch: b}
	for i, s := range []rotation.Stand{rotation.Buried, rotation.Asks, rotation.Waits, rotation.Failed} {
		p.Parts = append(p.Parts, rotation.Part{Member: &b.Members[i], Stand: s})
	}
	p.Parts[0].Dead, p.Parts[0].Rotation, p.Parts[1].Rotation = at.Add(95*time.Second), running(), running()
	return p
}

func cryFor(d *desk, text string) Reply {
	return handler(d).Handle(context.Background(), Request{Command: EmergencyCommand, Text: text, Person: anna, Standing: starter})
}

func TestSeveralAtOnce(t *testing.T) {
	for _, c := range []struct {
		text, asked, says string
	}{
		{"all a laptop was stolen", "start batch  by T1/U1 a laptop was stolen", "waits for FAL_KEY, JWT_SECRET"},
		{"ALL a laptop", "start batch  by T1/U1 a laptop", "Emergency of every secret started"},
		{"tag:Billing a laptop", "start batch Billing by T1/U1 a laptop", "every secret with the tag Billing"},
		{"all", "", "Say what happened: `/rotate-emergency all what happened`"},
		{"tag:billing", "", "`/rotate-emergency tag:billing what happened`"},
		{"all --revoke-first x", "", "one secret at a time"},
		{"tag:keys --drill", "", "one canary at a time"},
		{"tag: x", "", "There is no secret with that name here"},
	} {
		d := &desk{}
		reply := cryFor(d, c.text)
		if got := strings.Join(d.asked, "; "); got != c.asked || !strings.Contains(everythingIn(reply), c.says) {
			t.Errorf("%q: asked %q, said %s", c.text, got, everythingIn(reply))
		}
	}
}

func TestSeveralCalledOff(t *testing.T) {
	for text, asked := range map[string]string{"cancel all": "cancel batch  by T1/U1", "cancel tag:ci": "cancel batch ci by T1/U1"} {
		d := &desk{}
		reply := ask1(handler(d), text)
		if got := strings.Join(d.asked, "; "); got != asked || !strings.Contains(everythingIn(reply), "goes on: The end of the old key was already requested.") {
			t.Errorf("%q: asked %q, said %s", text, got, everythingIn(reply))
		}
	}
}

func TestStatusKnowsABatch(t *testing.T) {
	d := &desk{batches: []*rotation.Progress{progress("")}}
	got := everythingIn(ask1(handler(d), "status"))
	for _, want := range []string{"Emergency of every secret", "1 of 4 dead, 1 asks, 1 waiting, 1 failed.", "waiting: Waits for FAL_KEY.", "failed: Nobody answers."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
}

func everythingIn(r Reply) string {
	all := []string{r.Title, r.Text, strings.Join(r.Paragraphs, " "), strings.Join(r.Notes, " ")}
	for _, row := range r.Rows {
		all = append(all, row.Label+": "+row.Text)
	}
	return strings.Join(all, "\n")
}
