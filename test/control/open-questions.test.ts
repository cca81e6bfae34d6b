/** Whoever asks a thread goes on, with an answer or without. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { OpenQuestions } from '../../src/control/open-questions.ts';

function ask(questions: OpenQuestions<string>): { readonly id: number; readonly answer: Promise<string | null> } {
  let id = 0;
  const answer = questions.ask((given) => {
    id = given;
  });
  return { id, answer };
}

test('each answer reaches its question, once, in any order', async () => {
  const questions = new OpenQuestions<string>();
  const [first, second] = [ask(questions), ask(questions)];
  questions.answer(second.id, 'second');
  questions.answer(first.id, 'first');
  questions.answer(first.id, 'again');
  assert.deepEqual(await Promise.all([first.answer, second.answer]), ['first', 'second']);
});

test('a question that nobody answers is given up, and a late answer harms nobody', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const questions = new OpenQuestions<string>();
  const { id, answer } = ask(questions);
  mock.timers.tick(2_000);
  questions.answer(id, 'late');
  assert.equal(await answer, null);
  mock.timers.reset();
});

test('an answer that has begun has as long again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const questions = new OpenQuestions<string>();
  const { id, answer } = ask(questions);
  mock.timers.tick(1_999);
  questions.extend(id);
  mock.timers.tick(1_999);
  questions.answer(id, 'whole');
  questions.extend(id);
  assert.equal(await answer, 'whole');
  mock.timers.reset();
});

test('with a dead thread all questions end, those that come later too', async () => {
  const questions = new OpenQuestions<string>();
  const { answer } = ask(questions);
  questions.close();
  assert.equal(await answer, null);
  assert.equal(await ask(questions).answer, null);
});
