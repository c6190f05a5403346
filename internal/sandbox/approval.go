package sandbox

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"rekey/internal/sandbox/slack"
)

// requests remembers which messages ask for an approval.
type requests struct {
	mu  sync.Mutex
	all []request
}

// request is one such message. A copy after a lost answer is another one with
// the same number.
type request struct {
	ts, thread string
	number     int
	several    bool // about more than one key: later ones are about others
}

var (
	requestForm = regexp.MustCompile(`Request (\d+) `)
	severalForm = regexp.MustCompile(`May \d+ old keys end`)
	vaultForm   = regexp.MustCompile(`if the vault is closed to whoever read the old key`)
)

// note remembers one. What asks whether the vault is closed approves of no end, and
// takes the place of no request that does.
func (r *requests) note(m slack.Message) {
	if vaultForm.Match(m.Blocks) {
		return
	}
	n := 0
	if found := requestForm.FindStringSubmatch(string(m.Blocks)); found != nil {
		n, _ = strconv.Atoi(found[1]) // digits; one too large is request 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, request{m.TS, m.Thread, n, severalForm.Match(m.Blocks)})
}

// newest are the requests of each thread that no later one has replaced.
func (r *requests) newest() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := map[string]int{}
	for _, q := range r.all {
		last[q.thread] = max(last[q.thread], q.number)
	}
	var all []request
	for _, q := range r.all {
		if q.several || q.number == last[q.thread] {
			all = append(all, q)
		}
	}
	return all
}

// Approval is a person's, of the newest request of a thread, or of one about
// several keys.
type Approval struct {
	Thread  string `json:"thread"`  // ts of its root
	Request string `json:"request"` // its own ts
	Person  string `json:"person"`
}

// approvers lists who approves which request that no later one has replaced at this
// moment, by the workspace's own records: a ✅ that stands or a press of the
// button, by a full member of the approvers' group who did not ask for the
// rotation; nobody where one of them vetoes by ❌: a copy of the request, too.
func (w *World) approvers() []Approval {
	var all []Approval
	var under []string
	vetoed := map[string]bool{} // by thread and number
	presses, entitled := w.Slack.Presses(), w.entitled()
	for _, q := range w.requests.newest() {
		m, there := w.Slack.Message(Channel, q.ts)
		if !there {
			continue
		}
		asked := q.thread + "/" + strconv.Itoa(q.number)
		for _, person := range entitled {
			pressed := slices.ContainsFunc(presses, func(p slack.Pressed) bool {
				return p.User == person && p.TS == q.ts && strings.Contains(p.Action, "approve")
			})
			vetoed[asked] = vetoed[asked] || m.Reacted(person, "x")
			if pressed || m.Reacted(person, "white_check_mark") {
				all, under = append(all, Approval{q.thread, q.ts, person}), append(under, asked)
			}
		}
	}
	var standing []Approval
	for i, a := range all {
		if !vetoed[under[i]] {
			standing = append(standing, a)
		}
	}
	return standing
}

// entitled lists who may approve.
func (w *World) entitled() []string {
	var members []string
	w.Slack.ChangeGroup(Approvers, func(g *slack.Group) { members = slices.Clone(g.Users) })
	full := map[string]bool{}
	for _, u := range w.Slack.Users() {
		full[u.ID] = !u.Guest && !u.SingleGuest && !u.Bot && !u.Deleted && !u.Stranger && u.ID != Requester
	}
	return slices.DeleteFunc(members, func(id string) bool { return !full[id] })
}
