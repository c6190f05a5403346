package signed_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"rekey/bot/signed"
	"rekey/rotation"
)

// TestApprove: a signed yes of an approver counts while Slack is away, and is
// looked at again at its source.
func TestApprove(t *testing.T) {
	g := newRig(t)
	status := g.send(g.as("carol"), g.as("carol").Fresh(signed.Statement{Act: signed.Status}))
	if len(status.Requests) != 1 || status.Requests[0].Evidence != g.engine.r.Card.Evidence || !strings.Contains(strings.Join(status.Requests[0].Words, "\n"), "May key-old be revoked now?") || status.Chat == "" {
		t.Errorf("%+v", status)
	}
	g.says(g.decides("bob", signed.Approve), false, "Approved")
	got := g.counts()
	if got.State != rotation.CardApproved || got.Votes[0].Person.ID != "T0ACME/"+bob || got.Votes[0].Path != "command line" || !strings.HasPrefix(got.Votes[0].Person.Key, "SHA256:") {
		t.Errorf("%+v", got)
	}
	g.says(g.decides("bob", signed.Approve), true, "approved already")
	g.says(g.decides("alice", signed.Deny), false, "") // heard until the act, though the request was approved
	if got := g.counts(); got.State != rotation.CardDenied {
		t.Errorf("a no after a yes: %+v", got)
	}
}

// TestRevoked: an approval stands while the key stands in the file, by the very
// words of the file, and no longer.
func TestRevoked(t *testing.T) {
	g := newRig(t)
	g.says(g.decides("bob", signed.Approve), false, "Approved")
	for _, c := range []struct {
		name    string
		allowed []string
		want    rotation.CardState
		refused int
	}{
		{"as it was", []string{"alice", "bob"}, rotation.CardApproved, 0},
		{"taken out", []string{"alice"}, rotation.CardOpen, 1},
		{"run out", []string{`bob valid-before="20260101Z"`}, rotation.CardOpen, 1},
		{"for other things", []string{`bob namespaces="git,rekey@other"`}, rotation.CardOpen, 1},
		{"for this", []string{`bob namespaces="rekey@acme"`}, rotation.CardApproved, 0},
		{"another key", []string{"bob=mallory"}, rotation.CardOpen, 1},
		{"somebody else's now", []string{"alice=bob"}, rotation.CardOpen, 1},
		{"a key of two", []string{"bob", "alice=bob"}, rotation.CardOpen, 1},
		{"nobody", nil, rotation.CardOpen, 1},
	} {
		g.allow(c.allowed...)
		if got := g.counts(); got.State != c.want || len(got.Refused) != c.refused {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if err := os.Remove(g.key("signers")); err != nil {
		t.Fatal(err)
	}
	if _, err := g.desk.Ballot().Marks(t.Context(), g.engine.r, 1); err == nil {
		t.Error("without the file something stands")
	}
	g.says(g.decides("bob", signed.Deny), true, "could not tell")
}

// TestNotTaken: what is not signed now, here, by somebody known, does nothing.
func TestNotTaken(t *testing.T) {
	g := newRig(t)
	other := g.as("bob")
	other.Installation = "other"
	wanted := signed.Statement{Act: signed.Rotate, Line: "FAL_KEY"}
	for _, c := range []struct {
		name string
		from signed.Client
		s    func(signed.Client) signed.Statement
		want string
	}{
		{"an unknown key", g.as("mallory"), func(c signed.Client) signed.Statement { return c.Fresh(wanted) }, "not among the allowed"},
		{"another installation's namespace", other, func(c signed.Client) signed.Statement { return c.Fresh(wanted) }, "does not fit"},
		{"another installation's statement", g.as("bob"), func(signed.Client) signed.Statement { return other.Fresh(wanted) }, "for another installation"},
		{"run out", g.as("bob"), func(c signed.Client) signed.Statement { return moved(c.Fresh(wanted), -time.Hour) }, "not of this moment"},
		{"of tomorrow", g.as("bob"), func(c signed.Client) signed.Statement { return moved(c.Fresh(wanted), time.Hour) }, "not of this moment"},
		{"for ever", g.as("bob"), func(c signed.Client) signed.Statement {
			s := c.Fresh(wanted)
			s.Expires = s.Expires.Add(time.Hour)
			return s
		}, "not of this moment"},
	} {
		g.says(g.send(c.from, c.s(c.from)), true, c.want)
	}
	if g.asked.last.Text != "" {
		t.Errorf("%+v was asked", g.asked.last)
	}
}

func moved(s signed.Statement, d time.Duration) signed.Statement {
	s.Issued, s.Expires = s.Issued.Add(d), s.Expires.Add(d)
	return s
}

// TestForged: a statement changed after it was signed, and a signature of
// something else.
func TestForged(t *testing.T) {
	g := newRig(t)
	for name, change := range map[string]func([]byte) []byte{
		"another act":     func(s []byte) []byte { return bytes.Replace(s, []byte("act: deny"), []byte("act: approve"), 1) },
		"another request": func(s []byte) []byte { return bytes.Replace(s, []byte("card: 1"), []byte("card: 2"), 1) },
		"another nonce":   func(s []byte) []byte { return bytes.Replace(s, []byte("nonce: "), []byte("nonce: 0"), 1) },
	} {
		c := g.as("bob")
		sign := c.Sign
		c.Sign = func(ctx context.Context, space string, text []byte) ([]byte, error) {
			if changed := change(text); !bytes.Equal(changed, text) {
				return sign(ctx, space, changed)
			}
			return nil, errors.New("nothing was changed")
		}
		r := g.engine.r
		a := g.send(c, c.Fresh(signed.Statement{Act: signed.Deny, Secret: r.Secret, Rotation: r.ID, Card: 1, Plan: r.PlanHash, Evidence: r.Card.Evidence}))
		if g.says(a, true, "does not fit"); g.engine.r.Card.State != rotation.CardOpen {
			t.Errorf("%s: the request is %s", name, g.engine.r.Card.State)
		}
	}
}

// TestReplayed: a statement is taken once, whatever became of it.
func TestReplayed(t *testing.T) {
	g := newRig(t)
	c := g.as("alice")
	s := c.Fresh(signed.Statement{Act: signed.Emergency, Line: "FAL_KEY it is on github"})
	g.says(g.send(c, s), false, "rekey status FAL_KEY")
	if q := g.asked.last; q.Command != "/rotate-emergency" || q.Text != "FAL_KEY it is on github" || q.Person.ID != "T0ACME/"+alice || !q.Standing.Starter || !q.Standing.Member {
		t.Errorf("%+v", q)
	}
	g.says(g.send(c, s), true, "taken before")
}

// TestPolicy: whoever may do something in Slack may do it here, and nobody else.
func TestPolicy(t *testing.T) {
	g := newRig(t)
	g.says(g.decides("carol", signed.Approve), true, "not on the approver list")
	g.says(g.decides("alice", signed.Approve), true, "whoever asked")
	g.engine.r.Requester = rotation.Person{ID: "T0ACME/U0OTHER", Key: g.fingerprint("bob")}
	g.says(g.decides("bob", signed.Approve), true, "the key with which the rotation was asked for")
	for _, c := range []struct {
		act  signed.Act
		line string
		want string
	}{
		{signed.Rotate, "FAL_KEY --plan", "FAL_KEY --plan"}, {signed.Cancel, "FAL_KEY", "cancel FAL_KEY"}, {signed.Retry, "FAL_KEY", "retry FAL_KEY"},
		{signed.Rollback, "FAL_KEY", "rollback FAL_KEY"}, {signed.Status, "", "status"},
		{signed.Emergency, "FAL_KEY --drill", "FAL_KEY --drill"}, {signed.Emergency, "all the laptop is gone", "all the laptop is gone"}, {signed.Cancel, "all", "cancel all"},
	} {
		g.says(g.send(g.as("bob"), g.as("bob").Fresh(signed.Statement{Act: c.act, Line: c.line})), false, "Noted")
		if q := g.asked.last; q.Text != c.want || q.Standing.Starter {
			t.Errorf("%s: %+v", c.act, q)
		}
	}
	g.chat.team = "T0ELSE"
	g.says(g.decides("bob", signed.Deny), true, "not the workspace")
}

func (g *rig) fingerprint(name string) string {
	g.Helper()
	g.engine.r.Card.State = rotation.CardOpen
	m, err := g.desk.Signed(g.Context(), g.engine.r, 1)
	if err != nil {
		g.Fatal(err)
	}
	for _, mark := range m {
		if mark.Person.Name == name {
			return mark.Person.Key
		}
	}
	g.decides(name, signed.Approve)
	g.engine.r.Card.State = rotation.CardOpen
	return g.fingerprint(name)
}

// TestOldRequest: a statement counts for the very request it was shown for.
func TestOldRequest(t *testing.T) {
	g := newRig(t)
	for name, change := range map[string]func(*signed.Statement){
		"an older request": func(s *signed.Statement) { s.Card = 7 },
		"another plan":     func(s *signed.Statement) { s.Plan = strings.Repeat("b", 64) },
		"other evidence":   func(s *signed.Statement) { s.Evidence = strings.Repeat("b", 64) },
		"another secret":   func(s *signed.Statement) { s.Secret = "OTHER_KEY" },
	} {
		if a := g.decides("bob", signed.Approve, change); !strings.Contains(strings.Join(a.Lines, ""), "no longer the one") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	g.says(g.decides("bob", signed.Approve, func(s *signed.Statement) { s.Rotation = "zzzzzzzzzz" }), true, "no such rotation")
	g.says(g.decides("bob", signed.Approve), false, "Approved")
	g.engine.r.Card.Evidence = strings.Repeat("f", 64) // things have changed since
	if m, err := g.desk.Signed(t.Context(), g.engine.r, 1); err != nil || len(m) > 0 {
		t.Errorf("an approval of other evidence: %v, %v", m, err)
	}
}

// TestPlantedDecision: whoever can write to the store makes no decision, not with
// a statement that was signed and never taken either.
func TestPlantedDecision(t *testing.T) {
	g := newRig(t)
	for name, body := range map[string]string{
		"nothing": "", "no form": "{", "another form": `{"v":2}`,
		"no seal": `{"v":1,"said":"{\"statement\":\"x\"}","seal":""}`, "a wrong seal": `{"v":1,"said":"{}","seal":"00"}`,
	} {
		if err := g.store.Decide(t.Context(), g.engine.r.Key(), "signed/1/"+bob, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if m, err := g.desk.Signed(t.Context(), g.engine.r, 1); err != nil || len(m) > 0 {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	g.says(g.decides("bob", signed.Approve), false, "Approved")
	all, err := g.store.Decisions(t.Context(), g.engine.r.Key())
	if err != nil {
		t.Fatal(err)
	}
	if err := g.store.Decide(t.Context(), g.engine.r.Key(), "signed/1/"+carol, all["signed/1/"+bob]); err != nil {
		t.Fatal(err)
	}
	if m, err := g.desk.Signed(t.Context(), g.engine.r, 1); err != nil || len(m) != 1 {
		t.Errorf("under another's name: %v, %v", m, err)
	}
}

// TestBothWays: a quorum may come over both, and a no by either is one.
func TestBothWays(t *testing.T) {
	g := newRig(t)
	g.engine.policy.Quorum = 2
	may := rotation.Standing{Member: true, Approver: true}
	g.says(g.decides("bob", signed.Approve), false, "More approvers are needed")
	if _, err := g.desk.Ballot().Marks(t.Context(), g.engine.r, 2); !errors.Is(err, errDown) {
		t.Errorf("a request without a signed decision, and without Slack: %v", err)
	}
	g.chat.marks = &rotation.Marks{Live: true, Marks: []rotation.Mark{{Person: rotation.Person{ID: "T0ACME/" + bob}, Standing: may, Yes: true, Path: "emoji"}}}
	if got := g.counts(); got.State != rotation.CardOpen {
		t.Errorf("one person on both ways: %+v", got)
	}
	g.chat.marks.Marks[0].Person.ID = "T0ACME/U0DORA"
	if got := g.counts(); got.State != rotation.CardApproved {
		t.Errorf("two people on both ways: %+v", got)
	}
	g.chat.marks = &rotation.Marks{Why: "The message of this request was deleted."}
	if got := g.counts(); got.State != rotation.CardOpen || len(got.Votes) != 1 {
		t.Errorf("a message that is gone: %+v", got)
	}
	g.chat.marks = &rotation.Marks{Live: true, Marks: []rotation.Mark{{Person: rotation.Person{ID: "T0ACME/U0DORA"}, Standing: may, Path: "emoji"}}}
	if got := g.counts(); got.State != rotation.CardDenied {
		t.Errorf("a no in Slack: %+v", got)
	}
}

// TestKeptAndCountedLater: a decision that could not be counted is counted by
// itself.
func TestKeptAndCountedLater(t *testing.T) {
	g := newRig(t)
	g.engine.fails = errors.New("in the middle of an act")
	g.says(g.decides("bob", signed.Approve), false, "kept")
	g.engine.mu.Lock()
	g.engine.fails = nil
	g.engine.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.desk.Settle(ctx) }()
	<-g.engine.counted
	cancel()
	if err := <-done; err != nil || g.engine.r.Card.State != rotation.CardApproved {
		t.Errorf("%v; the request is %s", err, g.engine.r.Card.State)
	}
}

// TestLeaks: what looks like a secret is refused, and appears nowhere.
func TestLeaks(t *testing.T) {
	g := newRig(t)
	const key = "sk-ant-api03-Zq7Rw2Xk9Lm4Tn8VZq7Rw2Xk9Lm4Tn8V"
	a := g.send(g.as("alice"), g.as("alice").Fresh(signed.Statement{Act: signed.Emergency, Line: "FAL_KEY " + key}))
	g.says(a, true, "treat it as leaked")
	a = g.decides("bob", signed.Deny, func(s *signed.Statement) { s.Reason = key })
	g.says(a, true, "treat it as leaked")
	if strings.Contains(g.log.String(), key) || g.asked.last.Text != "" || g.engine.r.Card.State != rotation.CardOpen {
		t.Error("it went on")
	}
}

// TestListener: it is bounded, is not opened twice, and takes over what a dead
// process left.
func TestListener(t *testing.T) {
	g := newRig(t)
	if _, err := signed.Listen(t.Context(), g.at); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	file := g.key("file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Listen(t.Context(), "unix:"+file); err == nil {
		t.Error("a file was taken for a socket")
	}
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: g.key("left"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	l, err := signed.Listen(t.Context(), "unix:"+g.key("left"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if info, err := os.Stat(g.key("left")); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for name, body := range map[string]string{"words": "approve it", "nothing": "", "no signature": `{"statement":"rekey statement 1\n"}`, "too much": `{"statement":"` + strings.Repeat("x", 1<<20) + `"}`} {
		if status, text := g.post(body); status != http.StatusBadRequest || !strings.Contains(text, "not a statement") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := g.get("/v1/ready"); status != http.StatusOK || !strings.Contains(text, `"slack":"not reached"`) || !strings.Contains(text, "acme") {
		t.Errorf("%d %s", status, text)
	}
}

func (g *rig) http() *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", strings.TrimPrefix(g.at, "unix:"))
	}}}
}

func (g *rig) post(body string) (int, string) {
	g.Helper()
	q, err := http.NewRequestWithContext(g.Context(), http.MethodPost, "http://rekey/v1/statement", strings.NewReader(body))
	return g.do(q, err)
}

func (g *rig) get(path string) (int, string) {
	g.Helper()
	q, err := http.NewRequestWithContext(g.Context(), http.MethodGet, "http://rekey"+path, nil)
	return g.do(q, err)
}

func (g *rig) do(q *http.Request, err error) (int, string) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
	resp, err := g.http().Do(q)
	if err != nil {
		g.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestTwoKeysOfOnePerson: people are told apart, not keys: whoever asked does not
// approve with another key of theirs, under another name of theirs either, and
// counts once.
func TestTwoKeysOfOnePerson(t *testing.T) {
	g := newRig(t)
	g.allow("alice", "alias=mallory", "bob", "bob=carol")
	g.engine.policy.Quorum = 2
	g.engine.r.Requester = rotation.Person{ID: "T0ACME/" + alice, Key: "SHA256:of-another-key"}
	g.says(g.decides("mallory", signed.Approve), true, "whoever asked")
	g.says(g.decides("bob", signed.Approve), false, "More approvers are needed")
	g.says(g.decides("carol", signed.Approve), false, "More approvers are needed")
	if got := g.counts(); len(got.Votes) != 1 || got.State != rotation.CardOpen {
		t.Errorf("%+v", got)
	}
}

// TestRevokedKey: a key on the list of revoked ones counts for nothing, though the
// file of allowed signers has it; a list that cannot be read lets nothing stand.
func TestRevokedKey(t *testing.T) {
	g := newRig(t)
	g.says(g.decides("bob", signed.Approve), false, "Approved")
	g.revoke("bob")
	if got := g.counts(); got.State != rotation.CardOpen || len(got.Refused) != 1 {
		t.Errorf("%+v", got)
	}
	g.says(g.decides("bob", signed.Deny), true, "not among the allowed signers")
	g.revoke()
	if got := g.counts(); got.State != rotation.CardApproved {
		t.Errorf("%+v", got)
	}
	if err := os.WriteFile(g.key("revoked"), []byte("bob\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := g.desk.Ballot().Marks(t.Context(), g.engine.r, 1); err == nil {
		t.Error("with a list that cannot be read something stands")
	}
	g.says(g.decides("alice", signed.Deny), true, "could not tell")
}
