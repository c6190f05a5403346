package chat

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/rotation"
)

// clicked stores a click on the request that is asked now, as the handler does,
// after spoil has changed what is said in it.
func (w *world) clicked(t *testing.T, user string, yes bool, spoil ...func(*click)) {
	t.Helper()
	r, err := w.engine.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	c := clickOf(r, user, yes, "")
	name := c.name()
	for _, f := range spoil {
		f(&c)
	}
	w.stored(t, name, must(c.seal(w.config.Key)))
}

func must(body []byte, err error) []byte {
	if err != nil {
		panic(err) // unreachable: clicks encode
	}
	return body
}

func (w *world) stored(t *testing.T, name string, body []byte) {
	t.Helper()
	if err := w.store.Decide(t.Context(), key, name, body); err != nil {
		t.Fatal(err)
	}
}

// Who clicks what, and what comes of it together with what they reacted. The
// people are those of TestWhoseReactionsCount.
func TestWhoseClicksCount(t *testing.T) {
	type clicks map[string]bool // approve, else deny
	yes, no := true, false
	two := func(w *world) { w.engine.policy.Quorum = 2 }
	tests := map[string]struct {
		clicks  clicks
		yes, no []string // who reacted
		world   func(w *world)
		want    rotation.CardState
		refused string
		path    string // of the first approval or of the veto
	}{
		"an approver":             {clicks: clicks{"U0BEN": yes}, want: rotation.CardApproved, path: "button"},
		"a veto":                  {clicks: clicks{"U0BEN": no}, want: rotation.CardDenied, path: "button"},
		"a veto beats approvals":  {clicks: clicks{"U0BEN": no}, yes: []string{"U0CARA"}, want: rotation.CardDenied, path: "button"},
		"an emoji's veto":         {clicks: clicks{"U0BEN": yes}, no: []string{"U0CARA"}, want: rotation.CardDenied, path: "emoji"},
		"taken back by an emoji":  {clicks: clicks{"U0BEN": yes}, no: []string{"U0BEN"}, want: rotation.CardDenied, path: "emoji"},
		"one person, both ways":   {clicks: clicks{"U0BEN": yes}, yes: []string{"U0BEN"}, world: two, want: rotation.CardOpen, path: "button"},
		"two people, one each":    {clicks: clicks{"U0BEN": yes}, yes: []string{"U0CARA"}, world: two, want: rotation.CardApproved, path: "button"},
		"quorum of two, one":      {clicks: clicks{"U0BEN": yes}, world: two, want: rotation.CardOpen, path: "button"},
		"quorum of two, both":     {clicks: clicks{"U0BEN": yes, "U0CARA": yes}, world: two, want: rotation.CardApproved, path: "button"},
		"the requester":           {clicks: clicks{"U0ANNA": yes}, want: rotation.CardOpen, refused: "T1/U0ANNA"},
		"the requester's veto":    {clicks: clicks{"U0ANNA": no}, want: rotation.CardDenied, path: "button"},
		"the requester, allowed":  {clicks: clicks{"U0ANNA": yes}, world: func(w *world) { w.engine.policy.SelfApproval = true }, want: rotation.CardApproved, path: "button"},
		"a member off the list":   {clicks: clicks{"U0DAN": yes}, want: rotation.CardOpen, refused: "T1/U0DAN"},
		"a stranger's veto":       {clicks: clicks{"U0DAN": no}, want: rotation.CardOpen, refused: "T1/U0DAN"},
		"a guest":                 {clicks: clicks{"U0BEN": yes}, world: user("U0BEN", "is_restricted", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a single-channel guest":  {clicks: clicks{"U0BEN": yes}, world: user("U0BEN", "is_ultra_restricted", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a bot":                   {clicks: clicks{"U0BEN": yes}, world: user("U0BEN", "is_bot", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"ourselves":               {clicks: clicks{us: yes}, world: func(w *world) { w.slack.groups["S0SECOPS"] = []string{us} }, want: rotation.CardOpen, refused: "T1/" + us},
		"deactivated":             {clicks: clicks{"U0BEN": yes}, world: user("U0BEN", "deleted", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"external":                {clicks: clicks{"U0BEN": yes}, world: user("U0BEN", "is_stranger", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"of another company":      {clicks: clicks{"U0BEN": yes}, world: user("U0BEN", "team_id", "T9"), want: rotation.CardOpen, refused: "T9/U0BEN"},
		"somebody unknown":        {clicks: clicks{"U0GHOST": yes}, want: rotation.CardOpen, refused: "?/U0GHOST"},
		"no longer in the group":  {clicks: clicks{"U0BEN": yes}, world: func(w *world) { w.slack.groups["S0SECOPS"] = []string{} }, want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a shared channel":        {clicks: clicks{"U0BEN": yes}, world: place1("is_ext_shared"), want: rotation.CardVoid},
		"the message was deleted": {clicks: clicks{"U0BEN": yes}, world: func(w *world) { w.slack.messages = nil }, want: rotation.CardVoid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ts := w.card(t)
			w.slack.react(ts, "white_check_mark", tt.yes...)
			w.slack.react(ts, "x", tt.no...)
			for user, yes := range tt.clicks {
				w.clicked(t, user, yes)
			}
			if tt.world != nil {
				w.slack.with(func() { tt.world(w) })
			}
			tally := w.tally(t)
			path := ""
			if len(tally.Votes) > 0 {
				path = tally.Votes[0].Path
			}
			if tally.Veto != nil {
				path = tally.Veto.Path
			}
			if tally.State != tt.want || refusedIDs(tally) != tt.refused || path != tt.path {
				t.Errorf("state %s, refused %q, path %q; want %s, %q, %q", tally.State, refusedIDs(tally), path, tt.want, tt.refused, tt.path)
			}
		})
	}
}

// tally counts card 1 as it is now.
func (w *world) tally(t *testing.T) rotation.Tally {
	t.Helper()
	r, _ := w.engine.Load(t.Context(), key)
	m, err := w.chat.Ballot().Marks(t.Context(), r, 1)
	if err != nil {
		t.Fatal(err)
	}
	return w.engine.policy.Count(r.Requester, *r.Card, m, time.Now())
}

func refusedIDs(t rotation.Tally) string {
	var ids []string
	for _, f := range t.Refused {
		ids = append(ids, f.Person.ID)
	}
	return strings.Join(ids, " ")
}

// What somebody with the store in their hands puts there does not count, and is
// logged; nor does it keep an honest click from counting.
func TestForgedClicks(t *testing.T) {
	spoiled := func(f func(*click)) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { w.clicked(t, "U0BEN", true, f) }
	}
	body := func(make func(w *world, honest click) []byte) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			r, _ := w.engine.Load(t.Context(), key)
			w.stored(t, "1/U0BEN", make(w, clickOf(r, "U0BEN", true, "")))
		}
	}
	resealed := func(change func(*sealed)) func(*testing.T, *world) {
		return body(func(w *world, honest click) []byte {
			var s sealed
			if err := json.Unmarshal(must(honest.seal(w.config.Key)), &s); err != nil {
				panic(err) // unreachable: it was encoded a line above
			}
			change(&s)
			return must(json.Marshal(s))
		})
	}
	tests := map[string]struct {
		forge func(*testing.T, *world)
		log   string
	}{
		"another key":     {body(func(_ *world, c click) []byte { return must(c.seal(sealKey(strings.Repeat("x", 32)))) }), "seal is wrong"},
		"no seal":         {resealed(func(s *sealed) { s.Seal = "" }), "seal is wrong"},
		"half a seal":     {resealed(func(s *sealed) { s.Seal = s.Seal[:32] }), "seal is wrong"},
		"not hexadecimal": {resealed(func(s *sealed) { s.Seal = "zz" + s.Seal[2:] }), "seal is wrong"},
		"another said":    {resealed(func(s *sealed) { s.Said = strings.Replace(s.Said, "U0BEN", "U0CARA", 1) }), "seal is wrong"},
		"a no made a yes": {resealed(func(s *sealed) { s.Said = strings.Replace(s.Said, `"yes":true`, `"yes": true`, 1) }), "seal is wrong"},
		"a later form":    {resealed(func(s *sealed) { s.V = 2 }), "form 2 is not known"},
		"not JSON":        {body(func(*world, click) []byte { return []byte("yes") }), "not a click"},
		"a seal for others": {body(func(w *world, c click) []byte {
			said := string(must(json.Marshal(c)))
			return must(json.Marshal(sealed{V: 1, Said: said, Seal: string(w.config.Key.Fingerprint(secret.New(said)))}))
		}), "seal is wrong"},
		"of another request":  {spoiled(func(c *click) { c.Card = 2 }), "made on another request"},
		"of another rotation": {spoiled(func(c *click) { c.Rotation = "rotation/other" }), "made on another request"},
		"on other evidence":   {spoiled(func(c *click) { c.Evidence = strings.Repeat("00", 32) }), "made on other evidence"},
		"on another plan":     {spoiled(func(c *click) { c.Plan = strings.Repeat("00", 32) }), "made on other evidence"},
		"of somebody else":    {spoiled(func(c *click) { c.User = "U0DAN" }), "under another person's name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.card(t)
			tt.forge(t, w)
			if got := w.tally(t); got.State != rotation.CardOpen || len(got.Votes)+len(got.Refused) > 0 {
				t.Errorf("it counts: %+v", got)
			}
			if log := w.log.String(); !strings.Contains(log, "a stored click is not counted") || !strings.Contains(log, tt.log) || !strings.Contains(log, "name=1/U0BEN") {
				t.Errorf("the log says %s", log)
			}
			w.clicked(t, "U0CARA", true)
			if got := w.tally(t); got.State != rotation.CardApproved {
				t.Errorf("beside it an honest click does not count: %+v", got)
			}
		})
	}
}

// A click belongs to the request it was made on: on the next one it is nothing,
// not even something to log.
func TestAClickOnAnEarlierRequest(t *testing.T) {
	w := newWorld(t)
	w.card(t)
	w.clicked(t, "U0BEN", true)
	w.ask(2)
	w.posted(t)
	r, _ := w.engine.Load(t.Context(), key)
	if m, err := w.chat.Ballot().Marks(t.Context(), r, 2); err != nil || !m.Live || len(m.Marks) > 0 || strings.Contains(w.log.String(), "not counted") {
		t.Errorf("marks %+v, %v; the log: %s", m, err, w.log)
	}
	if m, err := w.chat.Ballot().Marks(t.Context(), r, 1); err != nil || len(m.Marks) > 0 {
		t.Errorf("on the request it was made on, which is over: %+v, %v", m, err)
	}
}

// The last word counts, and a store that cannot be asked lets nothing stand.
func TestTheLastWordCounts(t *testing.T) {
	w := newWorld(t)
	w.card(t)
	w.clicked(t, "U0BEN", true)
	w.clicked(t, "U0BEN", false)
	if got := w.tally(t); got.State != rotation.CardDenied {
		t.Errorf("after a no: %+v", got)
	}
	w.clicked(t, "U0BEN", true)
	if got := w.tally(t); got.State != rotation.CardApproved {
		t.Errorf("after a yes: %+v", got)
	}
	r, _ := w.engine.Load(t.Context(), key)
	w.store.down = errStoreDown
	if m, err := w.chat.Ballot().Marks(t.Context(), r, 1); err == nil || m.Live || len(m.Marks) > 0 {
		t.Errorf("with the store away: %+v, %v", m, err)
	}
}

func FuzzUnseal(f *testing.F) {
	k := sealKey(strings.Repeat("k", 32))
	f.Add(must(click{Rotation: key, Card: 1, User: "U0BEN", Yes: true}.seal(k)))
	f.Add([]byte(`{"v":1,"said":"{}","seal":"00"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := unseal(sealKey(strings.Repeat("z", 32)), body)
		if err == nil {
			t.Errorf("a click under another key: %+v", c)
		}
	})
}
