package sandbox

import (
	"context"
	"errors"
	"net/http"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
)

// control is the world's own API: what people do, what goes wrong, how things
// stand. It never answers with a secret value.
//
//	GET    /state
//	POST   /people/command {"user","command","text"}
//	POST   /people/react   {"user","ts","emoji"}      also /people/unreact
//	POST   /people/click   {"user","ts","action","value"}
//	POST   /people/submit  {"user","view","values"}   sends a modal off
//	POST   /people/dismiss {"user","view"}            closes it
//	POST   /people/say     {"user","thread","text"}
//	POST   /vault          {"environment","name","value"}   someone else's write
//	POST   /console/keys   {"name","workspace","account","expires_days"}  a person makes a key at Anthropic and copies it
//	POST   /console/copy   {"id"}                           copies one that somebody has kept
//	POST   /console/memory      {"name","project"}          a person makes a key at Mem0's platform and copies it
//	POST   /console/memory/copy {"id"}                      copies one that somebody has kept
//	POST   /console/memory/end  {"id"}                      deletes one
//	POST   /console/make   {"secret","environment","name"}  the same at another service's console
//	POST   /console/end    {"secret","id"}                  a person ends a key there
//	POST   /inbox          {"environment"}                  pastes what was copied
//	POST   /deploy         {"environment"}                  a colleague's
//	POST   /faults         see FaultOrder
//	DELETE /faults/{service}/{name}
//
// An empty "channel" means the channel of rotations.
func (w *World) control() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /state", func(out http.ResponseWriter, _ *http.Request) { wire.JSON(out, http.StatusOK, w.State()) })
	post(m, "/people/command", w.command)
	post(m, "/people/react", func(_ context.Context, q gesture) (any, error) {
		return nil, w.Slack.React(q.User, q.channel(), q.TS, q.Emoji)
	})
	post(m, "/people/unreact", func(_ context.Context, q gesture) (any, error) {
		return nil, w.Slack.Unreact(q.User, q.channel(), q.TS, q.Emoji)
	})
	post(m, "/people/click", func(ctx context.Context, q gesture) (any, error) {
		_, err := w.Slack.Click(ctx, q.User, slack.Press{Channel: q.channel(), TS: q.TS, Action: q.Action, Value: q.Value})
		return nil, err
	})
	post(m, "/people/submit", func(ctx context.Context, q gesture) (any, error) {
		sent, err := w.Slack.Submit(ctx, q.User, q.View, q.Values)
		return map[string]any{"open": sent.Open, "took_ms": sent.Took.Milliseconds()}, err
	})
	post(m, "/people/dismiss", func(ctx context.Context, q gesture) (any, error) {
		return nil, w.Slack.Dismiss(ctx, q.User, q.View)
	})
	post(m, "/people/say", func(_ context.Context, q gesture) (any, error) {
		ts, err := w.Slack.Say(q.User, q.channel(), q.Thread, q.Text)
		return map[string]string{"ts": ts}, err
	})
	post(m, "/vault", w.otherWrite)
	post(m, "/console/keys", w.makeKey)
	post(m, "/console/copy", func(_ context.Context, q struct{ ID string }) (any, error) { return nil, w.Copy(q.ID) })
	w.memoryConsole(m)
	post(m, "/console/make", w.makeAt)
	post(m, "/console/end", w.endAt)
	post(m, "/inbox", func(_ context.Context, q struct{ Environment string }) (any, error) {
		return nil, w.Paste(q.Environment)
	})
	post(m, "/deploy", func(_ context.Context, q struct{ Environment string }) (any, error) {
		id, err := w.Target.Deploy(q.Environment)
		return map[string]string{"deployment": id}, err
	})
	post(m, "/faults", func(_ context.Context, q FaultOrder) (any, error) {
		name, err := w.Inject(q)
		return map[string]string{"name": name}, err
	})
	m.HandleFunc("DELETE /faults/{service}/{name}", func(out http.ResponseWriter, r *http.Request) {
		set := w.Faults(r.PathValue("service"))
		if set == nil {
			refuse(out, errors.New("no such service"))
			return
		}
		wire.JSON(out, http.StatusOK, map[string]int{"fired": set.Clear(r.PathValue("name"))})
	})
	return m
}

// gesture is what a person does in the workspace.
type gesture struct {
	User, Channel, TS, Thread string
	Command, Text             string
	Emoji, Action, Value      string
	View                      string
	Values                    map[string]string // typed into a modal, by block_id
}

func (g gesture) channel() string {
	if g.Channel == "" {
		return Channel
	}
	return g.Channel
}

func (w *World) command(ctx context.Context, q gesture) (any, error) {
	reply, err := w.Slack.SlashCommand(ctx, q.User, q.channel(), q.Command, q.Text)
	return map[string]any{"reply": reply.Message, "took_ms": reply.Took.Milliseconds()}, err
}

func (w *World) otherWrite(_ context.Context, q struct{ Environment, Name, Value string }) (any, error) {
	e, err := w.Infisical.Put(w.Place(q.Environment), q.Name, q.Value, "someone else")
	return map[string]int{"version": e.Version}, err
}

// post serves one act: the body becomes its argument, its error a 400.
func post[T any](m *http.ServeMux, path string, act func(context.Context, T) (any, error)) {
	m.HandleFunc("POST "+path, func(out http.ResponseWriter, r *http.Request) {
		var q T
		r.Body = http.MaxBytesReader(out, r.Body, 1<<20)
		if err := wire.ReadJSON(r, &q); err != nil {
			refuse(out, err)
			return
		}
		answer, err := act(r.Context(), q)
		if err != nil {
			refuse(out, err)
			return
		}
		if answer == nil {
			answer = map[string]bool{"ok": true}
		}
		wire.JSON(out, http.StatusOK, answer)
	})
}

func refuse(out http.ResponseWriter, err error) {
	wire.JSON(out, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

// State is how the world stands, without any value.
type State struct {
	Endpoints   Endpoints           `json:"endpoints"`
	Report      Report              `json:"report"`
	Writes      []Write             `json:"writes"`
	Keys        []KeyState          `json:"keys"`
	Instances   []InstanceState     `json:"instances"`
	Deployments map[string]string   `json:"deployments"` // live ones by environment
	Vault       map[string]int      `json:"vault"`       // version of FAL_KEY by environment
	Messages    []slack.Message     `json:"messages"`    // in the channel of rotations
	Faults      map[string][]string `json:"faults"`      // by service
}

// KeyState is a key of the model service.
type KeyState struct {
	ID      string    `json:"id"`
	Alias   string    `json:"alias"`
	Scope   string    `json:"scope"`
	Live    bool      `json:"live"`
	Created time.Time `json:"created"`
	Calls   int       `json:"calls"`   // of the model, answered
	Refused int       `json:"refused"` // of anything, because the key is dead or wrong
}

// InstanceState is an instance of the application and the key it holds, by id.
type InstanceState struct {
	Environment string `json:"environment"`
	Instance    string `json:"instance"`
	Deployment  string `json:"deployment"`
	KeyID       string `json:"key_id"`
}

// State describes the world at this moment.
func (w *World) State() State {
	s := State{
		Endpoints: w.endpoints, Report: w.Report(), Writes: w.Writes(), Messages: w.Slack.Messages(Channel),
		Deployments: map[string]string{}, Vault: map[string]int{}, Faults: map[string][]string{},
	}
	for _, k := range w.Fal.Keys() {
		calls, refused := w.Fal.Calls(k.ID)
		s.Keys = append(s.Keys, KeyState{k.ID, k.Alias, string(k.Scope), k.Live(), k.Created, calls, refused})
	}
	for environment, a := range map[string]*app.App{Staging: w.Staging, Production: w.Production} {
		s.Deployments[environment] = a.Deployment()
		e, _ := w.Infisical.Read(w.Place(environment), app.FalKey)
		s.Vault[environment] = e.Version
		for _, h := range a.Holdings(app.FalKey) {
			s.Instances = append(s.Instances, InstanceState{environment, h.Instance, h.Deployment, w.keyID(h.Value)})
		}
	}
	for _, name := range Services() {
		if names := w.Faults(name).Names(); len(names) > 0 {
			s.Faults[name] = names
		}
	}
	return s
}

// keyID names the key of a value, or says that there is none.
func (w *World) keyID(value string) string {
	for _, k := range w.Fal.Keys() {
		if k.Value == value {
			return k.ID
		}
	}
	return "unknown"
}
