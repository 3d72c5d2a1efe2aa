// Package syncing joins the vault of this computer with those of a person's others: it
// is the one place that knows both package vault and package vaultsync.
package syncing

import "time"

// Status is how syncing stands, for people. It is read from the disk, whoever of this computer's programs
// syncs. The names in JSON are those of codefob sync status --json.
type Status struct {
	On         bool      `json:"on"`
	Devices    []Device  `json:"devices,omitzero"` // in the order in which they came
	Carriers   []Carrier `json:"carriers,omitzero"`
	Troubles   []Trouble `json:"troubles,omitzero"`
	Duplicates int       `json:"duplicates,omitzero"` // accounts that are there more than once
}

// Device is one of the person's computers.
type Device struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Self    bool      `json:"self,omitzero"`
	Removed bool      `json:"removed,omitzero"`
	Heard   time.Time `json:"heard,omitzero"`   // when it made the last change that is here; zero for never
	Waiting int       `json:"waiting,omitzero"` // changes of it that wait for one that has not come
}

// Carrier is what carries changes between them.
type Carrier struct {
	Kind    string    `json:"kind"`             // "folder" or "relay"
	Where   string    `json:"where"`            // its path or address
	Reached time.Time `json:"reached,omitzero"` // when it was last; zero for never
	Pending int       `json:"pending,omitzero"` // changes that it does not have yet
	Error   string    `json:"error,omitzero"`   // why it was not reached the last time
	Why     string    `json:"why,omitzero"`     // of what kind that is, where it is known
}

// Trouble is something that the person should know.
type Trouble struct {
	Kind    string `json:"kind"`
	Foul    bool   `json:"foul,omitzero"`    // somebody may have meddled: worth a notice, not a line in a list
	Carrier string `json:"carrier,omitzero"` // that brought it
	Device  string `json:"device,omitzero"`  // the name of the device that it is about
	Text    string `json:"text"`             // what it is, and what to do next
}
