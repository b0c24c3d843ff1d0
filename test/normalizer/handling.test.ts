// Suggested units: an accusation is not suggested to whom it is about, a complaint is, and says so. All made up.
import assert from 'node:assert/strict';
import { read } from './rules.ts';

const handled = (content: string, more: Parameters<typeof read>[1] = {}) => {
  const { handling, appeal } = read(content, more);
  const { unit, coUnits, accused = [] } = handling;
  return { type: appeal.type.value, unit, coUnits, accused };
};
/** Class 11, which the police handle. */
const POLICE = { category: ['政法'] };

describe('the suggested unit', () => {
  const secret = { type: '举报', ...POLICE };

  it('is who stands above where an accusation is about it', () => {
    for (const content of [
      '我要举报市公安局民警王伟军收受红包',
      '举报：通化市公安局违规办案',
      '公安局的工作人员王伟军徇私枉法，包庇嫌疑人',
      '我到公安局报过案，公安局推诿不立案',
      '市公安局违法处理我的案件',
    ]) {
      assert.deepEqual(handled(content, secret), {
        ...{ type: '举报', unit: '市人民政府', coUnits: [], accused: ['市公安局'] },
      });
    }
    const { unit, accused } = handled('请查处王伟军受贿', { ...secret, subject: '市公安局' });
    assert.deepEqual([unit, accused], ['市人民政府', ['市公安局']]);
  });

  it('is nobody where that one is accused as well, or none stands above it', () => {
    assert.deepEqual(handled('举报市公安局违规办案，举报市政府包庇', secret).unit, null);
    assert.equal(handled('举报市纪委监委不作为', { type: '举报', category: ['纪检监察'] }).unit, null);
  });

  it('stays where it is asked for help, or a unit of another place is accused', () => {
    for (const content of [
      '我要举报王伟军聚众赌博，请市公安局依法查处',
      '举报王伟军赌博，我向公安局报案，希望公安局立案调查违法行为',
      '王伟军赌博，希望市公安局的领导能管一下他违法开设赌场的事',
      '举报集安市公安局违规办案',
      '举报二道江区公安局违规办案',
      '举报省公安厅违规办案',
      '村里不公开账目，市公安局查处村支书不作为的问题',
    ]) {
      assert.deepEqual([handled(content, secret).unit, handled(content, secret).accused], ['市公安局', []], content);
    }
  });

  it('is left out among those who help, too, and where secrecy was asked for', () => {
    const lamp = { type: '投诉', category: ['城乡建设', '市政和市容'], place: { division: '220502' } };
    const open = handled('投诉城管局不作为，江南大街路灯不亮', lamp);
    assert.deepEqual(
      [open.unit, open.coUnits, open.accused],
      ['东昌区人民政府', ['市城市管理行政执法局'], ['市城市管理行政执法局']],
    );
    const closed = handled('投诉城管局不作为，江南大街路灯不亮', { ...lamp, confidential: true });
    assert.deepEqual([closed.unit, closed.coUnits, closed.accused], ['东昌区人民政府', [], ['市城市管理行政执法局']]);
  });

  it('is looked for to the end of a text made to hold it up', () => {
    assert.ok(handled('公安局'.repeat(20_000), secret).unit);
  });
});
