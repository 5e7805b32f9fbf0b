// What the operator does: which case is open, what lies over it, and the commands.

import { ApiError, reason, type Command } from './api';
import { intent, refusal, type Mode, type Press, type Situation } from './keys';
import { neighbour } from './queue';
import { applyToCase, openCase, type OpenCase } from './record';
import type { Room } from './room.svelte';
import type { Question } from './ruletypes';
import { format, parse, type Route } from './route';
import { withClocks } from './time';
import type { CaseEvent, CaseRecord, Deployment, Outcome } from './types';
import { REJECTIONS, WHY_CODES, endings, nextStep } from './words';

/** How long the page says what was done. */
const NOTICE_MS = 8_000;

/** Keys held while a command is on its way: deploy, unit, step and step. */
const MOST_WAITING = 4;

export interface Notice {
  kind: 'done' | 'refused';
  text: string;
}

export class Desk {
  route = $state.raw<Route>(parse(location.hash));
  open = $state.raw<OpenCase | null>(null);
  /** The selected case, also while it is on its way. */
  selected = $state<string>();
  mode = $state<Mode>('none');
  chosen = $state<Outcome>();
  note = $state('');
  busy = $state(false);
  notice = $state.raw<Notice>();
  missing = $state('');
  /** The selected case whole, where why is restricted and was asked for. */
  whole = $state.raw<CaseRecord>();

  active = $derived(this.open?.deployments.filter((one) => one.state !== 'cleared') ?? []);

  /** The question that waits for its answer, the newest of them. */
  asked = $derived(this.open?.case.questions?.findLast((one) => one.answer === undefined));

  /** Keys pressed while a command is on its way; dropped where it is refused. */
  private waiting: Press[] = [];
  /** Answers on their way, and the events of the selected case that came meanwhile. */
  private fetching = 0;
  private early: CaseEvent[] = [];
  private notices: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly room: Room) {
    room.onEvent = (event) => this.follow(event);
    room.onReload = () => void this.fetch(this.selected, true);
    addEventListener('hashchange', () => this.arrive());
  }

  /** Opens what the address names. */
  arrive(): void {
    this.route = parse(location.hash);
    const { route } = this;
    if (route.page !== 'live') this.mode = 'none';
    else if (route.caseId !== this.selected) void this.fetch(route.caseId);
  }

  go(route: Route): void {
    location.hash = format(route);
  }

  select(id: string | undefined): void {
    this.go(id === undefined ? { page: 'live' } : { page: 'live', caseId: id });
  }

  /** Leaves nothing of one user's work to the next. */
  clear(): void {
    this.open = null;
    this.whole = undefined;
    this.selected = undefined;
    this.notice = undefined;
    this.back();
  }

  press(press: Press, at: Pick<Situation, 'typing' | 'onControl'>): boolean {
    const { room, open } = this;
    if (this.route.page !== 'live') return false;
    // A quick hand presses D while the answer to C is on its way: what D means is known when C is done.
    if (this.busy && !at.typing && !press.modified && /^[crdax1-9]$|^Enter$/i.test(press.key)) {
      if (!press.repeat && this.waiting.length < MOST_WAITING) this.waiting.push(press);
      return true;
    }
    this.waiting = [];
    const found = intent(press, {
      ...at,
      mode: this.mode,
      state: open?.case.state,
      mayAct: room.may('act_on_cases'),
      underway: this.active.length > 0,
      answers: this.asked?.answers.length ?? 0,
      restricted: open?.case.restricted !== undefined && this.whole === undefined,
      maySeeWhy: room.may('see_why'),
    });
    if (!found) return false;
    switch (found.act) {
      case 'move':
        this.move(found.by);
        break;
      case 'confirm':
        this.confirm();
        break;
      case 'open':
        this.show(found.mode);
        break;
      case 'pick':
        this.pick(found.index);
        break;
      case 'send':
        this.send();
        break;
      case 'answer':
        if (this.asked) this.answer(this.asked, this.asked.answers[found.index]);
        break;
      case 'advance':
        this.advance(this.active[0]);
        break;
      case 'explain':
        this.say('refused', found.why);
        break;
      default:
        this.back();
    }
    return true;
  }

  confirm(): void {
    void this.decide({ command: 'confirm' });
  }

  move(by: 1 | -1): void {
    const next = neighbour(this.room.order, this.selected, by);
    if (next) this.select(next.case_id);
  }

  show(mode: Mode): void {
    if (mode !== 'none') this.notice = undefined;
    this.mode = mode;
    this.chosen = undefined;
    this.note = '';
  }

  back(): void {
    this.show('none');
  }

  /** Why a command is not possible now; none where it is. */
  refusal(key: string): string | undefined {
    if (!this.open) return 'No case is open.';
    const mayAct = this.room.may('act_on_cases');
    return refusal(key, this.open.case.state, { mayAct, underway: this.active.length > 0 });
  }

  /** The choices that lie open, in the order of their keys. */
  outcomes(): readonly Outcome[] {
    if (!this.open) return [];
    return this.mode === 'reject' ? REJECTIONS : endings(this.open.case.state);
  }

  pick(index: number): void {
    if (!this.open) return;
    if (this.mode === 'deploy') {
      const unit = this.open.proposals[index];
      if (unit) void this.deploy(unit.callsign);
      return;
    }
    if (this.mode === 'why') {
      void this.seeWhy(index);
      return;
    }
    const outcome = this.outcomes()[index];
    if (outcome) this.chosen = outcome;
  }

  send(): void {
    const { mode, chosen: outcome } = this;
    if (mode !== 'reject' && mode !== 'close') return;
    const note = this.note.trim();
    if (!outcome) this.say('refused', mode === 'reject' ? 'Choose a reason first.' : 'Choose an outcome first.');
    else if (outcome === 'other' && note === '') this.say('refused', 'Say in the note what the other reason is.');
    else void this.decide({ command: mode, outcome, note });
  }

  deploy(callsign: string): Promise<void> {
    return this.decide({ command: 'deploy', callsign });
  }

  advance(deployment: Deployment | undefined): void {
    const to = deployment && nextStep(deployment.state);
    if (deployment && to) void this.carryOut(() => this.room.api.advance(deployment.deployment_id, to));
  }

  answer(question: Question, given: string | undefined): void {
    const id = this.open?.case.case_id;
    if (id && given) void this.carryOut(() => this.room.api.answer(id, question.number, given));
  }

  private async seeWhy(index: number): Promise<void> {
    const id = this.open?.case.case_id;
    const code = WHY_CODES[index]?.[0];
    if (!id || !code || this.busy) return;
    this.busy = true;
    try {
      const whole = await this.room.api.why(id, code);
      if (this.selected === id) this.whole = whole;
      this.back();
    } catch (error) {
      if (this.selected === id) this.say('refused', reason(error));
    } finally {
      this.busy = false;
    }
  }

  private async decide(command: Command): Promise<void> {
    const seen = this.open?.case;
    if (seen) await this.carryOut(() => this.room.api.decide(seen.case_id, seen.version, command));
  }

  private async carryOut(command: () => Promise<CaseEvent>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.notice = undefined;
    const before = this.selected;
    try {
      const event = await command();
      this.room.take(event);
      // The stream may have brought it already, and the queue then takes no notice of the answer.
      this.follow(event);
      if (this.selected === before) this.back();
    } catch (error) {
      if (this.selected === before) await this.refused(error);
    } finally {
      this.busy = false;
    }
    if (this.notice) this.waiting = [];
    for (const press of this.waiting.splice(0)) this.press(press, { typing: false, onControl: false });
  }

  /** Says who was first, and shows the case as it is now. */
  private async refused(error: unknown): Promise<void> {
    this.say('refused', withClocks(reason(error), this.room.now), true);
    if (error instanceof ApiError && error.status === 409) {
      this.back();
      await this.fetch(this.selected, true);
    }
  }

  private say(kind: Notice['kind'], text: string, stays = false): void {
    clearTimeout(this.notices);
    this.notice = { kind, text };
    if (!stays) this.notices = setTimeout(() => (this.notice = undefined), NOTICE_MS);
  }

  private follow(event: CaseEvent): void {
    if (this.fetching > 0 && event.case.case_id === this.selected) this.early.push(event);
    if (this.open) this.open = applyToCase(this.open, event);
  }

  private async fetch(id: string | undefined, again = false): Promise<void> {
    if (!again) {
      this.selected = id;
      this.open = null;
      this.whole = undefined;
      this.missing = '';
      this.notice = undefined;
      this.back();
    }
    if (id === undefined) return;
    if (this.fetching === 0 || !again) this.early = [];
    this.fetching += 1;
    try {
      const record = await this.room.api.case(id);
      if (this.selected !== id) return;
      // Events may have overtaken the answer.
      this.open = this.early.reduce(applyToCase, openCase(record));
    } catch (error) {
      if (this.selected === id && !this.open) this.missing = reason(error);
    } finally {
      this.fetching -= 1;
    }
  }
}
