package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/page"
)

// front is what the control port serves: the page at /, the control API beside
// it, both closed to other web pages.
func (w *World) front() http.Handler {
	p := page.New(page.Options{
		Slack: w.Slack, Channel: Channel, Cast: cast(), Groups: map[string]string{Approvers: "approvers"},
		Secrets: w.Production.Uses(), Kinds: FaultKinds(), Services: Services(),
		Look: w.look, Count: w.loads, Issued: w.issuedValues,
	})
	w.wg.Go(func() { p.Run(w.ctx) })
	m := http.NewServeMux()
	m.Handle("/{$}", p)
	m.Handle("/page/", p)
	m.Handle("/", w.control())
	return page.Guard(m)
}

// cast are the people one may act as.
func cast() []page.Person {
	return []page.Person{
		{ID: Requester, Name: "ann", Role: "requester", May: "May start rotations. May not approve her own."},
		{ID: Approver, Name: "ben", Role: "approver", May: "May approve or veto the end of an old key."},
		{ID: Second, Name: "cleo", Role: "approver", May: "May approve or veto the end of an old key."},
		{ID: Colleague, Name: "dan", Role: "colleague", May: "A full member who may neither start nor approve."},
		{ID: Guest, Name: "eva", Role: "guest", May: "A guest of the workspace. Nothing a guest clicks counts."},
		{ID: Outsider, Name: "gil", Role: "outsider", May: "Of another company, here through a shared channel."},
	}
}

// keptVersions bounds the versions shown of an entry, and the deployments.
const keptVersions = 8

// look is the consoles as they stand: ids, names and times.
func (w *World) look() page.World {
	var out page.World
	ids := map[string]string{} // of the keys, by value
	for _, k := range w.Fal.Keys() {
		ids[k.Value] = k.ID
		calls, refused := w.Fal.Calls(k.ID)
		out.Keys = append(out.Keys, page.Key{
			ID: k.ID, Alias: k.Alias, Scope: string(k.Scope), Live: k.Live(), First: k.ID == w.old.ID,
			Created: k.Created, Ended: k.Deleted, Calls: calls, Refused: refused,
		})
	}
	w.lookAtTexts(&out)
	out.Memories = w.lookAtMemories()
	w.lookAtConsoles(&out)
	for _, a := range []struct {
		environment string
		*app.App
	}{{Staging, w.Staging}, {Production, w.Production}} {
		for _, h := range a.Holdings(app.FalKey) {
			out.Instances = append(out.Instances, page.Instance{Environment: a.environment, ID: h.Instance, Deployment: h.Deployment, Key: ids[h.Value]})
		}
		out.Vault = append(out.Vault, w.entries(a.environment)...)
		out.Deployments = append(out.Deployments, w.deployments(a.environment)...)
	}
	for _, service := range Services() {
		set := w.Faults(service)
		for _, name := range set.Names() {
			out.Faults = append(out.Faults, page.Fault{Service: service, Name: name, Fired: set.Fired(name)})
		}
	}
	return out
}

// lookAtTexts adds Anthropic's console and the inboxes.
func (w *World) lookAtTexts(out *page.World) {
	users := map[string]int{} // by value
	for _, a := range []*app.App{w.Staging, w.Production} {
		for _, h := range a.Holdings(app.AnthropicKey) {
			users[h.Value]++
		}
	}
	for _, k := range w.Anthropic.Keys() {
		shown := page.TextKey{
			ID: k.ID, Name: k.Name, Workspace: k.Workspace, Principal: k.Account + k.User, Status: string(k.State(time.Now())),
			First: k.ID == w.oldText[Staging].ID || k.ID == w.oldText[Production].ID, Users: users[k.Value], Created: k.Created,
		}
		out.Texts = append(out.Texts, shown)
	}
	out.Copied = w.clipboard.get().of
	for _, environment := range []string{Staging, Production} {
		in := page.Inbox{Environment: environment, Workspace: Workspace(environment)}
		if e, there := w.Infisical.Read(w.Inbox(environment), app.AnthropicKey); there {
			in.Name, in.Made = e.Name, e.Made
		}
		out.Inboxes = append(out.Inboxes, in)
	}
}

func (w *World) entries(environment string) []page.Entry {
	var all []page.Entry
	at := w.Place(environment)
	for _, name := range w.Infisical.Names(at) {
		shown := page.Entry{Environment: environment, Name: name}
		for _, v := range slices.Backward(w.Infisical.Versions(at, name)) {
			if len(shown.Versions) < keptVersions {
				shown.Versions = append(shown.Versions, page.Version{Number: v.Version, Made: v.Made, By: v.By})
			}
		}
		e, _ := w.Infisical.Read(at, name)
		for _, n := range e.Metadata {
			if n.IsEncrypted {
				n.Value = "encrypted"
			}
			shown.Notes = append(shown.Notes, page.Note{Key: n.Key, Value: n.Value})
		}
		all = append(all, shown)
	}
	return all
}

// deployments are the last ones of an environment, newest first.
func (w *World) deployments(environment string) []page.Deployment {
	all := w.Target.Deployments(environment)
	slices.SortFunc(all, func(a, b app.Deployment) int { return ordinal(b.ID) - ordinal(a.ID) })
	var shown []page.Deployment
	for _, d := range all[:min(len(all), keptVersions)] {
		by := "rekey"
		if strings.HasPrefix(d.Key, "console-") {
			by = "a colleague"
		}
		shown = append(shown, page.Deployment{ID: d.ID, Environment: d.Environment, Phase: string(d.Phase), Detail: d.Detail, By: by, Done: d.Done})
	}
	return shown
}

// ordinal is the number in a deployment's id: dpl-production-3-….
func ordinal(id string) int {
	parts := strings.Split(id, "-")
	n, err := strconv.Atoi(parts[min(2, len(parts)-1)])
	if err != nil {
		return 0
	}
	return n
}

func (w *World) loads() []page.Load {
	var all []page.Load
	for _, environment := range []string{Staging, Production} {
		n := w.Visitors(environment)
		all = append(all, page.Load{Environment: environment, Requests: n.Requests, Failed: n.Failed})
	}
	return all
}

func (w *World) issuedValues() []string {
	var all []string
	for _, s := range w.Issued() {
		all = append(all, s.Value)
	}
	return all
}
