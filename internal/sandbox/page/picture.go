package page

import (
	"time"

	"rekey/internal/sandbox/slack"
)

// Person is somebody one may act as, or whose name is shown.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"` // one or two words
	May  string `json:"may"`  // a sentence: what they can do
}

// World is what the consoles show. Names, ids and times only: none of it is a
// value.
type World struct {
	Keys        []Key        `json:"keys"`
	Texts       []TextKey    `json:"texts"`
	Copied      string       `json:"copied,omitempty"` // id of the key whose value a person has copied
	Inboxes     []Inbox      `json:"inboxes"`
	Memories    *Memories    `json:"memories,omitempty"` // nil unless their key is played
	Consoles    []Console    `json:"consoles,omitempty"`
	Vault       []Entry      `json:"vault"`
	Instances   []Instance   `json:"instances"`
	Deployments []Deployment `json:"deployments"`
	Faults      []Fault      `json:"faults"`
}

// Key is a key of the model service.
type Key struct {
	ID      string    `json:"id"`
	Alias   string    `json:"alias"`
	Scope   string    `json:"scope"`
	Live    bool      `json:"live"`
	First   bool      `json:"first"` // in use when the world began
	Created time.Time `json:"created"`
	Ended   time.Time `json:"ended,omitzero"`
	Calls   int       `json:"calls"`   // of the model, answered
	Refused int       `json:"refused"` // of anything
}

// TextKey is a key of the text model service, which people make in its console.
type TextKey struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Workspace string    `json:"workspace"` // id; empty for a key of none
	Principal string    `json:"principal"` // whom it acts as
	Status    string    `json:"status"`
	First     bool      `json:"first"` // in use when the world began
	Users     int       `json:"users"` // instances that run on it
	Created   time.Time `json:"created"`
}

// Memories is the dashboard of the memory service, in which people make and
// delete keys.
type Memories struct {
	Keys     []MemoryKey `json:"keys"`
	Projects []string    `json:"projects"` // ids that a key may be made in
	Inboxes  []Inbox     `json:"inboxes"`  // for its keys; the workspace is the project
}

// MemoryKey is a key of it. Last are the characters by which people tell one
// from another, as the dashboard shows them.
type MemoryKey struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Project string    `json:"project"`
	Last    string    `json:"last"`
	Live    bool      `json:"live"`
	First   bool      `json:"first"` // in use when the world began
	Users   int       `json:"users"` // instances that run on it
	Created time.Time `json:"created"`
}

// Inbox is where people paste a value for one environment.
type Inbox struct {
	Environment string    `json:"environment"`
	Workspace   string    `json:"workspace"`       // whose keys belong there
	Names       []string  `json:"names,omitempty"` // of all that lies there
	Name        string    `json:"name,omitempty"`  // of the workspace's key
	Made        time.Time `json:"made,omitzero"`   // zero while it is empty
}

// Console is a service's own pages for one secret.
type Console struct {
	Secret string       `json:"secret"`
	Make   bool         `json:"make"` // people make its keys
	Keys   []ConsoleKey `json:"keys"`
}

// ConsoleKey is a key that a console lists.
type ConsoleKey struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Last  string `json:"last,omitempty"` // characters of its end, where people know it by those
	Live  bool   `json:"live"`
	First bool   `json:"first"` // in use when the world began
	Users int    `json:"users"` // instances that run on it
}

// Entry is a secret in the vault.
type Entry struct {
	Environment string    `json:"environment"`
	Name        string    `json:"name"`
	Versions    []Version `json:"versions"` // newest first
	Notes       []Note    `json:"notes"`    // metadata
}

// Version is one value an entry had; the value itself is not here.
type Version struct {
	Number int       `json:"number"`
	Made   time.Time `json:"made"`
	By     string    `json:"by"`
}

// Note is one piece of metadata.
type Note struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Instance is one running copy of the application.
type Instance struct {
	Environment string `json:"environment"`
	ID          string `json:"id"`
	Deployment  string `json:"deployment"`
	Key         string `json:"key"` // id of the key it runs on
}

// Deployment is one run of the deploy platform.
type Deployment struct {
	ID          string    `json:"id"`
	Environment string    `json:"environment"`
	Phase       string    `json:"phase"`
	Detail      string    `json:"detail,omitempty"`
	By          string    `json:"by"`
	Done        time.Time `json:"done,omitzero"`
}

// Fault is something that goes wrong on purpose.
type Fault struct {
	Service string `json:"service"`
	Name    string `json:"name"`
	Fired   int    `json:"fired"`
}

// Load is what the visitors of one environment saw since the world began.
type Load struct {
	Environment string `json:"environment"`
	Requests    int    `json:"requests"`
	Failed      int    `json:"failed"`
}

// pulse is how the application and the bot are doing.
type pulse struct {
	At        time.Time `json:"at"`
	Loads     []Load    `json:"loads"`
	Requests  int       `json:"requests"`
	Failed    int       `json:"failed"`
	Rate      float64   `json:"rate"` // requests per second, over the last second or so
	Connected bool      `json:"connected"`
}

// sample is one point of the curve.
type sample struct {
	Rate   float64 `json:"rate"`
	Failed int     `json:"failed"` // since the point before
}

// picture is everything, at one moment of the story.
type picture struct {
	Channel  Person            `json:"channel"`
	Cast     []Person          `json:"cast"`
	Names    map[string]string `json:"names"` // of people and groups, by id
	Bots     []string          `json:"bots"`  // ids
	Secrets  []string          `json:"secrets"`
	Kinds    []string          `json:"kinds"`
	Services []string          `json:"services"`
	Messages []slack.Message   `json:"messages"` // whispers included, oldest first
	Views    []slack.View      `json:"views"`    // modals that people have open
	Curve    []sample          `json:"curve"`
	World    World             `json:"world"`
	Pulse    pulse             `json:"pulse"`
}
